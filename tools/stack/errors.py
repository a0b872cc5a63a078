"""What can go wrong with the stack, each in a sentence for a person.

StackError
├── Missing              a component cannot be had here: a tool, a platform; tests skip
├── NotProvisioned       it could be had, and nobody has asked for it yet
└── WrongContent         what a registry served is not what was pinned
"""


class StackError(Exception):
    """The stack cannot do what was asked; the message says why and what to do."""


class Missing(StackError):  # noqa: N818 - a fact about the machine
    """Something that must be on this machine is not; the message says how to get it."""


class NotProvisioned(StackError):  # noqa: N818 - the same
    """The component is not in the cache yet."""


class WrongContent(StackError):  # noqa: N818 - a fact about a file
    """What was fetched is not what the project pinned."""
