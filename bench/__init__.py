"""Benchmarks of the service beside its rivals: `python -m bench`, or one figure by its name: `python -m bench NAME`."""
