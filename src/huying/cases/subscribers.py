"""What other rooms' events mean here: an alert becomes a case, a calendar year new due dates, a
person erased is words erased, a look at somebody is for a matter of this room, and what an officer
who leaves held gets another officer.

Connected in `CasesConfig.ready`. Each runs inside the transaction that sent the event.
"""

from datetime import timedelta
from typing import Any, Final

from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext as _

from huying.cases.actions import act, hand_over_cases, open_case, recompute_provisional
from huying.cases.actions.acting import ActionNotOffered, take_step
from huying.cases.actions.erasing import erase_reporter
from huying.cases.models import Act, Case
from huying.cases.queries.getting_ready import make_ready
from huying.cases.queries.holdings import may_look
from huying.cases.queries.procedures import procedure as procedure_of
from huying.directory import events as directory_events
from huying.directory.permissions import Actor
from huying.sensing import events as sensing_events
from huying.standards.deadlines import Limit, LimitUnit

PROCEDURE: Final = "environmental_alert"
CATEGORY: Final = "ALERT"
SENSING: Final = Actor.system("sensing")
_URGENCY: Final = {"NOTICE": "NORMAL", "WARNING": "URGENT", "SEVERE": "EMERGENCY"}


@receiver(sensing_events.about_to_listen, dispatch_uid="cases.about_to_listen")
def about_to_listen(**_kwargs: Any) -> None:
    """The first alert must not make the frames behind it wait for the procedure files."""
    make_ready()


@receiver(sensing_events.alert_opened, dispatch_uid="cases.alert_opened")
def alert_opened(event: sensing_events.AlertOpened, **_kwargs: Any) -> None:
    """Open a case, or note the alert in the open one of the same device and rule."""
    key = alert_key(event.device_id, event.rule_code)
    joined = _open_case(key, event)
    if joined is not None:
        take_step(
            case_id=joined,
            action="rise",
            by=SENSING,
            version=None,
            note=event.summary,
            data={},
            files=(),
            report_id=None,
            now=timezone.now(),
            more={"alert": event.alert_id},
        )
        return
    open_case(
        by=SENSING,
        procedure=PROCEDURE,
        title=_title(event),
        summary=event.summary,
        category=CATEGORY,
        kind="COMPLAINT",
        urgency=_URGENCY.get(event.severity, "URGENT"),
        place_text=event.device_name,
        lon=event.lon,
        lat=event.lat,
        grid_code=event.grid_code,
        division_code=event.division_code or "",
        discovered_at=event.opened_at,
        alert_id=event.alert_id,
        alert_key=key,
    )


def alert_key(device_id: int, rule_code: str) -> str:
    """What makes two alerts one matter: the same device (and so place) under the same rule."""
    return f"device:{device_id}/{rule_code}"[:120]


def _title(event: sensing_events.AlertOpened) -> str:
    return f"{event.device_name} {event.rule_name}"[:120]


def _open_case(key: str, event: sensing_events.AlertOpened) -> int | None:
    window = procedure_of(PROCEDURE).joins_within
    if window is None:
        return None
    since = event.opened_at - _length(window)
    return (
        Case.objects.open()
        .filter(alert_key=key, created_at__gte=since)
        .order_by("-id")
        .values_list("pk", flat=True)
        .first()
    )


def _length(window: Limit) -> timedelta:
    if window.unit is LimitUnit.HOURS:
        return timedelta(hours=window.amount)
    return timedelta(days=window.amount)


@receiver(sensing_events.alert_closed, dispatch_uid="cases.alert_closed")
def alert_closed(event: sensing_events.AlertClosed, **_kwargs: Any) -> None:
    """Note in the case that the readings fell; what was there is still to be found out."""
    own = Case.objects.open().filter(alert_id=event.alert_id).values_list("pk", flat=True)
    joined = Act.objects.filter(
        action="rise",
        data__alert=event.alert_id,
        case__in=Case.objects.open().exclude(alert_key=""),
    ).values_list("case_id", flat=True)
    case_id = own.order_by("id").first() or joined.order_by("id").first()
    if case_id is None:
        return
    peak = "" if event.peak_value is None else f"，最高 {event.peak_value:g}"
    try:
        act(case_id=case_id, action="recover", by=SENSING, note=f"监测数值已回落{peak}")
    except ActionNotOffered:
        # Closed in between: nothing is left to note.
        return


@receiver(directory_events.working_year_imported, dispatch_uid="cases.working_year")
def working_year_imported(**_kwargs: Any) -> None:
    """Provisional due dates are counted anew."""
    recompute_provisional(now=timezone.now())


@receiver(directory_events.person_erased, dispatch_uid="cases.person_erased")
def person_erased(event: directory_events.PersonErased, by: Actor, **_kwargs: Any) -> None:
    """What the person said goes with the person; while a case is open nothing does."""
    erase_reporter(person_id=event.person_id, by=by)


@receiver(directory_events.look_asked, dispatch_uid="cases.look_asked")
def look_asked(event: directory_events.LookAsked, by: Actor, **_kwargs: Any) -> bool:
    """Whether the person spoke in a report of this case that `by` may read."""
    room, _colon, case_id = event.matter.partition(":")
    return room == "case" and case_id.isdecimal() and may_look(int(case_id), event.person_id, by)


@receiver(directory_events.staff_leaving, dispatch_uid="cases.staff_leaving")
def staff_leaving(event: directory_events.StaffLeft, **_kwargs: Any) -> directory_events.Held:
    """How many open cases the account is the officer of."""
    cases = Case.objects.open().filter(officer=event.account_id)
    return directory_events.Held(_("在办事项"), cases.count())


@receiver(directory_events.staff_left, dispatch_uid="cases.staff_left")
def staff_left(event: directory_events.StaffLeft, by: Actor, **_kwargs: Any) -> None:
    """Their open cases go to whoever goes on in the unit."""
    hand_over_cases(account_id=event.account_id, by=by)
