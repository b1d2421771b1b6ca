"""What the first case of a process would otherwise wait for."""

from huying.cases.queries.procedures import current


def make_ready() -> None:
    """Read the procedures before anybody waits. No query."""
    current()
