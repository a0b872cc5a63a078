"""Stub until the page stands."""

from fastapi import APIRouter


def create_router(issuer: object, people: object) -> APIRouter:
    """Nothing yet."""
    return APIRouter()
