"""What the database itself refuses, and lets through."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.db.models import F, Value

from huying.cases.models import (
    Act,
    AssistingUnit,
    Attachment,
    Case,
    CaseReference,
    CaseTally,
    Category,
    Clock,
    ProcedureVersion,
    Report,
    ResponsibilityRule,
)
from tests.factories.cases import make_office, make_photo, make_report

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("model", "wrong", "right"),
    [
        (Case, {"lon": 181.0}, {"lon": 180.0}),
        (Case, {"lat": None}, {"lat": None, "lon": None}),
        (Case, {"urgency": "SOON"}, {"urgency": "URGENT"}),
        (Case, {"kind": "JOKE"}, {"kind": "PRAISE"}),
        (Case, {"outcome": "FINE"}, {"outcome": "SOLVED"}),
        (Case, {"people_involved": 0}, {"people_involved": 1}),
        (Case, {"version": 0}, {"version": 9}),
        (
            Case,
            {"closed_at": F("created_at") - Value(HOUR)},
            {"closed_at": F("created_at") + Value(HOUR)},
        ),
        (Case, {"merged_into": F("id")}, {"merged_into": None}),
        (Report, {"receipt": "abcdefghijkl"}, {"receipt": "0123456789AB"}),
        (Report, {"lat": 91.0}, {"lat": 90.0}),
        (Report, {"channel": "PIGEON"}, {"channel": "PHONE"}),
        (Report, {"kind": "JOKE"}, {"kind": "HELP"}),
        (Report, {"state": "LOST"}, {"state": "ANSWERED"}),
        (
            Report,
            {"rating": "SATISFIED"},
            {"rating": "SATISFIED", "rated_at": F("submitted_at")},
        ),
        (Report, {"reply": "好"}, {"reply": "好", "replied_at": F("submitted_at")}),
        (Report, {"joined_report": F("id")}, {"joined_report": None}),
        (
            Clock,
            {"stopped_at": F("started_at") - Value(HOUR)},
            {"stopped_at": F("started_at")},
        ),
        (Clock, {"due_at": F("started_at")}, {"due_at": F("started_at") + Value(HOUR)}),
        (CaseTally, {"measure": "MOOD"}, {}),
        (Attachment, {"sha256": "xyz"}, {"sha256": "0" * 64}),
        (Attachment, {"size": 0}, {"size": 1}),
        (Category, {"kind": "JOKE"}, {"kind": "HELP"}),
        (ResponsibilityRule, {"division_prefix": "99A"}, {"division_prefix": "990101"}),
        (ProcedureVersion, {"digest": "xyz"}, {"digest": "0" * 64}),
    ],
)
def test_a_row_is_refused_or_let_through(
    model: type[models.Model], wrong: dict[str, Any], right: dict[str, Any]
) -> None:
    make_office()
    make_report(photos=[make_photo()])
    rows = model._default_manager.all()
    one = rows.filter(pk=rows.values_list("pk", flat=True)[:1][0])
    with pytest.raises(IntegrityError), transaction.atomic():
        one.update(**wrong)
    if right:
        assert one.update(**right) == 1


@pytest.mark.parametrize("model", [Act, Clock, AssistingUnit, CaseReference, ResponsibilityRule])
def test_what_there_is_once_there_is_once(model: type[models.Model]) -> None:
    office = make_office()
    report = make_report(references=[("12345", "A1")])
    AssistingUnit.objects.create(
        case_id=report.case_id,
        organisation=office.other_bureau,
        added_at=Case.objects.get(pk=report.case_id).created_at,
    )
    manager = model._default_manager
    row = manager.filter(stopped_at__isnull=True)[0] if model is Clock else manager.all()[0]
    row.pk = None
    row._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_a_clock_that_stopped_may_run_again() -> None:
    make_office()
    make_report()
    clock = Clock.objects.filter(stopped_at__isnull=True)[0]
    Clock.objects.filter(pk=clock.pk).update(stopped_at=clock.started_at)
    clock.pk = None
    clock.save(force_insert=True)


def test_a_tally_of_what_stands_has_no_day_and_the_others_have_one() -> None:
    make_office()
    make_report()
    for measure, day in (("OPEN", "2026-11-22"), ("RECEIVED", None)):
        row = CaseTally.objects.filter(measure=measure)
        with pytest.raises(IntegrityError), transaction.atomic():
            row.update(day=day)


def test_a_category_s_code_is_in_capitals() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Category.objects.create(code="lower", name="小")
    assert Category.objects.create(code="MY_OWN_1", name="自己的").pk
