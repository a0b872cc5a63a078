"""Where the service is entered: HTTP, the worker, and the command line."""
