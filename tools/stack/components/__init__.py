"""One component a file; each has a `COMPONENT`."""
