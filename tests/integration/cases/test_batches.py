"""All rows of a table are gone through, while others are added."""

import pytest

from huying.cases.models import Case
from huying.cases.queries.batches import ids_in_batches
from tests.factories.cases import make_office, make_report

pytestmark = pytest.mark.django_db


def test_each_row_comes_once_and_those_that_come_meanwhile_at_the_end() -> None:
    make_office()
    made = [make_report().case_id for _ in range(5)]
    batches = ids_in_batches(Case.objects.all(), 2)
    seen = [next(batches)]
    made.append(make_report().case_id)
    seen += batches
    assert [len(one) for one in seen] == [2, 2, 2]
    assert [one for batch in seen for one in batch] == made


def test_of_no_rows_there_is_no_batch() -> None:
    assert list(ids_in_batches(Case.objects.all(), 2)) == []
