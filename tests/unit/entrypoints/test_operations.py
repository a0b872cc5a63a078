"""Every operation is strict with what it is sent and asks first who is there; a new router cannot forget it."""

from fastapi.routing import APIRoute, iter_route_contexts

from support_service import wiring
from support_service.config import Settings
from support_service.entrypoints.http import build
from support_service.kit.requests import Operation, gates_of


async def test_every_route_of_the_service_is_an_operation_behind_a_gate() -> None:
    settings = Settings.model_validate(
        {"database_url": "postgresql://nobody@127.0.0.1/none", "oidc_issuer": "https://issuer.example"}
    )
    services = wiring.Services(settings, name="test-operations")
    try:
        routes = [each.original_route for each in iter_route_contexts(build(services).routes)]
    finally:
        await services.close()
    ours = [route for route in routes if isinstance(route, APIRoute) and route.path.startswith("/support")]
    assert len(ours) > 20
    assert [route.path for route in ours if not isinstance(route, Operation)] == []
    assert [route.path for route in ours if not list(gates_of(route.dependant))] == []
