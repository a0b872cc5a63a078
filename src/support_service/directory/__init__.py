"""The directory: who people and machine clients are here, what they may do, and which customers there are."""

from support_service.directory.access import MATRIX, Action, permit
from support_service.directory.claims import ClaimPaths
from support_service.directory.guard import Guard
from support_service.directory.model import Agent, Principal, Profile, Role, Sight
from support_service.directory.routes import create_team_routes
from support_service.directory.service import Directory
from support_service.directory.teams import Teams

__all__ = [
    "MATRIX",
    "Action",
    "Agent",
    "ClaimPaths",
    "Directory",
    "Guard",
    "Principal",
    "Profile",
    "Role",
    "Sight",
    "Teams",
    "create_team_routes",
    "permit",
]
