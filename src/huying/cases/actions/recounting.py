"""Cases gone through again from their acts, and what differs from what is kept.

Every act goes through the procedure engine a second time (`rules.retracing`). Clocks, due times
and numbers of reports are written anew on request; the counts are compared at the end
(`retallying`). What is no outcome of anything else is only named: acts that do not follow from
one another or that the ledger tells otherwise, and a case or report that is not what its acts
made it, for then somebody was at it. In batches; others may be at work.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Max

from huying.cases.actions import writing
from huying.cases.actions.comparing import Batch, Today, differences, read_batch
from huying.cases.actions.retallying import Counts, Key, counted_in
from huying.cases.models import Case, Clock
from huying.cases.queries.batches import ids_in_batches
from huying.cases.rules.changing import changed
from huying.directory.permissions import Actor
from huying.ledger import actions as ledger
from huying.ledger.queries import Difference, Spread

BATCH: Final = 1_000
Progress = Callable[[int, int], None]
_OF_ACTS: Final = frozenset(
    {"ACT_MISSING", "ACT_UNSEALED", "ACT_CHANGED", "HISTORY_BROKEN", "REPORT_ELSEWHERE"}
)
_OF_CLOCKS: Final = frozenset({"CLOCK", "CLOCK_DUE", "CLOCK_MISSING", "CLOCK_WITHOUT_ACT"})
_DERIVED: Final = _OF_CLOCKS | {"CASE_DUE", "REPORT_COUNT"}


@dataclass(frozen=True, slots=True)
class Recounted:
    """Of one batch: its last case, what differs, and what its acts make of the counts."""

    last: int
    differences: list[Difference]
    sums: Counter[Key]


def recount_cases(
    *, by: Actor, repair: bool = False, progress: Progress | None = None, spread: Spread = map
) -> Iterator[Difference]:
    """Each case against its acts and the ledger, and then the counts; yields what differs.

    With `repair` what is derived is written anew, where the acts it is derived from are whole.
    Cases are gone through as `spread` spreads their batches; the counts are gathered here.
    """
    counts = Counts()
    newest = Case.objects.aggregate(newest=Max("pk"))["newest"] or 0
    work = partial(_recount, snapshot=counts.snapshot, repair=repair, by=by)
    for one in spread(work, ids_in_batches(Case.objects.all(), BATCH)):
        counts.add(one.sums, whole=_OF_ACTS.isdisjoint(each.kind for each in one.differences))
        yield from one.differences
        if progress is not None:
            progress(one.last, newest)
    yield from counts.differences(by=by, repair=repair)


def _recount(ids: Sequence[int], *, snapshot: str, repair: bool, by: Actor) -> Recounted:
    today = Today.read()
    batch = read_batch(ids, today, snapshot)
    suspects = [one for one in ids if next(differences(batch, one), None)]
    sums = counted_in(batch, set(ids).difference(suspects))
    found: list[Difference] = []
    if suspects:
        batch, found = _look_again(suspects, today, snapshot, repair=repair, by=by)
        sums.update(counted_in(batch, suspects))
    return Recounted(ids[-1], found, sums)


def _look_again(
    ids: Sequence[int], today: Today, snapshot: str, *, repair: bool, by: Actor
) -> tuple[Batch, list[Difference]]:
    """The same under lock: what somebody was writing while we read is no difference."""
    locked = set(ids)
    while True:
        with transaction.atomic():
            list(Case.objects.select_for_update().filter(pk__in=locked).order_by("pk").values("pk"))
            batch = read_batch(ids, today, snapshot)
            if locked >= set(batch.stored):
                found = {one: list(differences(batch, one)) for one in ids}
                mended = _repair(batch, found, by) if repair else set()
                break
        locked |= set(batch.stored)  # a report came from elsewhere: hold that case too
    return batch, [
        replace(one, repaired=(case_id, one.kind) in mended)
        for case_id, some in found.items()
        for one in some
    ]


def _repair(batch: Batch, found: dict[int, list[Difference]], by: Actor) -> set[tuple[int, str]]:
    """Write derived columns of the batch's cases anew; which kinds of which cases."""
    mended: set[tuple[int, str]] = set()
    gone: list[int] = []
    turned: list[writing.Row] = []
    started: list[writing.Row] = []
    for case_id, some in found.items():
        kinds = {one.kind for one in some}
        if kinds & _OF_ACTS:
            kinds -= _OF_CLOCKS | {"CASE_DUE"}  # there is nothing sound to derive them from
        kinds &= _DERIVED
        mended |= {(case_id, kind) for kind in kinds}
        if kinds & _OF_CLOCKS:
            gone += [clock.id or 0 for clock in batch.without_act(case_id)]
            for clock, kept in batch.clocks_of(case_id):
                if kept is None:
                    started.append(writing.clock_row(clock, case_id))
                elif batch.differs(case_id, clock, kept):
                    new = changed(batch.counted(clock, kept), id=kept.id, warned_at=kept.warned_at)
                    if not batch.tells_end(case_id, clock):
                        new = changed(new, escalated_at=kept.escalated_at)
                    turned.append(writing.clock_row(new, case_id))
        if "REPORT_COUNT" in kinds:
            Case.objects.filter(pk=case_id).update(report_count=len(batch.stored[case_id].reports))
    if mended:
        Clock.objects.filter(pk__in=gone).delete()
        writing.turn(turned)
        writing.start(started)
        writing.refresh_due(sorted({case_id for case_id, _kind in mended}))
        ledger.record(
            kind="case.recounted",
            subject="cases",
            by=by.ref,
            body={
                "cases": sorted({batch.stored[case_id].row["number"] for case_id, _kind in mended})
            },
        )
    return mended
