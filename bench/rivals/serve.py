"""Serves a rival written in Python exactly as our own API is served: `python -m bench.rivals.serve bench.rivals.MODULE:app`.

The server's settings are those that `support_service.entrypoints.server` gives to granian, with another target.
A target called `create_app` makes the application.
"""

import sys
from typing import Any

from granian import Granian

from support_service.entrypoints import server


def main(target: str) -> None:
    """Serve the target until SIGTERM."""

    def with_target(_ours: str, **options: Any) -> Any:
        return Granian(target, **(options | {"factory": target.endswith(":create_app")}))

    vars(server)["Granian"] = with_target
    server.serve()


if __name__ == "__main__":
    main(sys.argv[1])
