"""What the tests of the desk read a page with."""

import re
from typing import Any

from huying.cases import actions
from huying.cases.models import Case
from tests.factories.cases import make_report

HTMX = {"HX-Request": "true"}


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def rows_of(answer: Any) -> list[int]:
    """The cases of a list, in its order."""
    return [int(found) for found in re.findall(r'id="row-(\d+)"', text_of(answer))]


def state(case_id: int) -> str:
    return Case.objects.get(pk=case_id).state


def unknown_report(**changes: Any) -> actions.Received:
    """A report nobody is named for: it waits to be dispatched."""
    return make_report(**({"category": ""} | changes))
