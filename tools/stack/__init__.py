"""The real components that the service talks to, provisioned and started natively; see `python -m tools.stack --help`."""

from tools.stack.cache import Cache
from tools.stack.errors import Missing, NotProvisioned, StackError, WrongContent
from tools.stack.proxies import Proxies, Proxy
from tools.stack.stack import Running, Stack, Status

__all__ = [
    "Cache",
    "Missing",
    "NotProvisioned",
    "Proxies",
    "Proxy",
    "Running",
    "Stack",
    "StackError",
    "Status",
    "WrongContent",
]
