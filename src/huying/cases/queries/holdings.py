"""What this room keeps of one person: before it is erased, and to erase it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from huying.cases.models import Act, Attachment, Case, Report
from huying.directory import queries as directory
from huying.directory.permissions import Actor, Permission


@dataclass(frozen=True, slots=True)
class Scope:
    """The rows that hold words of one person.

    `reports` are the person's own; `spoken` those the person made for somebody else. `cases`
    are all in which own reports are or were; `whole` those of them in which nobody else's are;
    `titled` those whose title is in the person's words.
    """

    reports: frozenset[int]
    spoken: frozenset[int]
    cases: frozenset[int]
    whole: frozenset[int]
    titled: frozenset[int]

    @property
    def words(self) -> Q:
        """Acts and attachments with words or pictures of the person."""
        return Q(case_id__in=self.cases) & (
            Q(report_id__in=self.reports) | Q(case_id__in=self.whole)
        )


@dataclass(frozen=True, slots=True)
class PersonHoldings:
    """What would be erased of one person here, and what stands against it."""

    reports: int
    spoken: int
    photos: int
    open_cases: tuple[str, ...]  # numbers of those the actor may see that are not closed
    out_of_reach: bool  # some case lies outside what the actor may see
    known_here: bool  # spoke in a case the actor may see, or lives where the actor may erase


def may_look(case_id: int, person_id: int, by: Actor) -> bool:
    """Whether the person spoke, for themselves or another, in a report here that `by` may read."""
    spoke = Q(reporter=person_id) | Q(submitter=person_id)
    return Report.objects.visible_to(by).filter(spoke, case=case_id).exists()


def known_here(person_id: int, by: Actor) -> bool:
    """Whether `by` may be shown that there is such a person, as far as erasing goes."""
    reach = by.reach(Permission.PERSON_ERASE)
    if reach is None:
        return True
    spoke = Report.objects.filter(Q(reporter=person_id) | Q(submitter=person_id))
    seen = Case.objects.visible_to(by).filter(pk__in=spoke.values("case"))
    return seen.exists() or directory.lives_in(person_id, reach)


def scope_of(person_id: int) -> Scope:
    """Where the words of this person are."""
    own, spoken = set(), set()
    cases: set[int] = set()
    for row in Report.objects.filter(Q(reporter=person_id) | Q(submitter=person_id)).only(
        "id", "reporter_id", "case_id", "earlier"
    ):
        if row.reporter_id not in (person_id, None):
            spoken.add(row.pk)
            continue
        own.add(row.pk)
        cases.update([row.case_id, *(one[0] for one in row.earlier)])
    # A case split off keeps the title it was split from.
    parted = Act.objects.filter(case_id__in=cases, action="split").values_list("data__into")
    cases.update(
        Case.objects.filter(number__in=[one for (one,) in parted]).values_list("pk", flat=True)
    )
    began = Act.objects.filter(case_id__in=cases, seq=1, report_id__in=own)
    titles = began.values_list("case__title", flat=True)
    return Scope(
        reports=frozenset(own),
        spoken=frozenset(spoken),
        cases=frozenset(cases),
        whole=frozenset(cases - _shared(cases, own)),
        titled=frozenset(
            Case.objects.filter(pk__in=cases, title__in=set(titles)).values_list("pk", flat=True)
        ),
    )


def _shared(cases: Iterable[int], own: set[int]) -> set[int]:
    """The cases in which somebody else's report, not erased itself, is or was."""
    acted = Act.objects.filter(case_id__in=cases, report__isnull=False)
    found = {
        case_id
        for case_id, report_id in acted.exclude(report_id__in=own)
        .filter(report__erased_at__isnull=True)
        .values_list("case_id", "report_id")
    }
    others = Report.objects.filter(case_id__in=cases, erased_at__isnull=True).exclude(pk__in=own)
    for case_id, earlier in others.values_list("case_id", "earlier"):
        found.update([case_id, *(one[0] for one in earlier)])
    return found


def person_holdings(person_id: int, by: Actor) -> PersonHoldings:
    """What this room keeps of a person, in counts."""
    scope = scope_of(person_id)
    involved = Case.objects.filter(
        pk__in=Report.objects.filter(pk__in=scope.reports | scope.spoken).values("case")
    )
    seen = involved.visible_to(by)
    return PersonHoldings(
        reports=len(scope.reports),
        spoken=len(scope.spoken),
        photos=Attachment.objects.filter(scope.words).count(),
        open_cases=tuple(seen.open().order_by("id").values_list("number", flat=True)),
        out_of_reach=seen.count() < involved.count(),
        known_here=known_here(person_id, by),
    )
