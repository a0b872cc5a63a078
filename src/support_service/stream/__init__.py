"""What happens, told to those who look at it while it happens: `GET /support/stream` (Server-Sent Events)."""

from support_service.stream.routes import create_stream_routes
from support_service.stream.service import Stream

__all__ = ["Stream", "create_stream_routes"]
