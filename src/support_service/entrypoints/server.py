"""The HTTP server around the API: granian, with room for more than its default number of connections."""

from granian.constants import HTTPModes, Interfaces, Loops
from granian.server.mp import MPServer

from support_service.config import Settings
from support_service.entrypoints import draining
from support_service.kit import logs

_BACKLOG = 4096
_IN_FLIGHT = 2048
_KILL_AFTER_S = 8


class _Server(MPServer):
    """Granian, whose children are told before they have to stop."""

    def shutdown(self, exit_code: int = 0) -> None:
        """Stop them, and then itself."""
        draining.announce()
        super().shutdown(exit_code)  # type: ignore[no-untyped-call] # theirs


def serve(
    target: str = "support_service.entrypoints.http:create_app", *, interface: Interfaces = Interfaces.RSGI
) -> None:
    """Serve the API, or another application, with the environment's settings until SIGTERM or SIGINT."""
    settings = Settings()
    logs.configure(log_format=settings.log_format, level=settings.log_level)
    _Server(
        target,
        factory=target.endswith(":create_app"),
        interface=interface,
        loop=Loops.uvloop,  # named, as granian would take any other loop that happens to be installed
        http=HTTPModes.http1,
        websockets=False,
        address=settings.host,
        port=settings.port,
        workers=settings.api_workers,
        backlog=_BACKLOG,
        backpressure=_IN_FLIGHT,
        workers_kill_timeout=_KILL_AFTER_S,
        log_enabled=False,
        respawn_failed_workers=True,
    ).serve()
