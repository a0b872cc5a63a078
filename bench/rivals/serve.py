"""Serves a rival written in Python exactly as our own API is served: `python -m bench.rivals.serve bench.rivals.MODULE:app`.

A target called `create_app` makes the application.
"""

import sys

from support_service.entrypoints.server import serve

if __name__ == "__main__":
    serve(sys.argv[1])
