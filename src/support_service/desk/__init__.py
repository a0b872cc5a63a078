"""The desk: the routes of cases, messages, deliveries and workload, composed of what lies below."""

from support_service.desk.carrier_routes import create_carrier_routes
from support_service.desk.carriers import Carriers
from support_service.desk.customer_routes import create_customer_routes
from support_service.desk.customers import Customers
from support_service.desk.hot import HotRoad
from support_service.desk.recent import RecentCases
from support_service.desk.routes import create_routes
from support_service.desk.service import Desk

__all__ = [
    "Carriers",
    "Customers",
    "Desk",
    "HotRoad",
    "RecentCases",
    "create_carrier_routes",
    "create_customer_routes",
    "create_routes",
]
