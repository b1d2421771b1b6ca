"""What the first case of a process would otherwise wait for."""

from huying.cases.queries.procedures import current
from huying.cases.rules import words


def make_ready() -> None:
    """Read the procedures and the dictionary of words, before anybody waits. No query."""
    current()
    words.prepare()
