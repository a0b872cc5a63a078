"""The contracts that others rely on, kept in `contracts/` and held to by `make check`."""
