"""Serves a rival written in Python by the server and the settings of our own API, over ASGI: `python -m bench.rivals.serve bench.rivals.MODULE:app`.

A target called `create_app` makes the application.
"""

import sys

from granian.constants import Interfaces

from support_service.entrypoints.server import serve

if __name__ == "__main__":
    serve(sys.argv[1], interface=Interfaces.ASGI)
