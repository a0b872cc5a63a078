"""Trino behind the lake port: a small asynchronous client, the lake itself, and the making of its views."""

from support_service.adapters.trino.client import SignIn, TrinoClient
from support_service.adapters.trino.errors import TrinoError
from support_service.adapters.trino.lake import TrinoLake
from support_service.adapters.trino.views import AppliedView, ViewStatement, apply_view, view_statements

__all__ = [
    "AppliedView",
    "SignIn",
    "TrinoClient",
    "TrinoError",
    "TrinoLake",
    "ViewStatement",
    "apply_view",
    "view_statements",
]
