"""The desk: the routes of cases, messages and workload, composed of what lies below."""

from support_service.desk.hot import HotRoad
from support_service.desk.recent import RecentCases
from support_service.desk.routes import create_routes
from support_service.desk.service import Desk

__all__ = ["Desk", "HotRoad", "RecentCases", "create_routes"]
