"""`huying fsck`: everything derived is derived anew, the ledger is verified, and every
difference is named."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from django.db import connection

from huying.cases import actions as cases
from huying.config.crew import cores, crew
from huying.config.progress import Bars
from huying.directory.permissions import Actor, DomainError
from huying.ledger import verify
from huying.ledger.queries import Difference, Spread
from huying.ledger.sources import SourceUnreadable
from huying.sensing import actions as sensing

OPERATOR: Final = Actor.system("fsck")
MOST_NAMED: Final = 200
# Each part with its name for the operator.
PARTS: Final = {
    "observations": "小时和日数据",
    "cases": "事项、时限和计数",
    "words": "检索",
    "files": "附件",
    "ledger": "存证",
}


class UnknownPart(DomainError):
    """There is no such part to check."""

    code = "UNKNOWN_PART"
    status = 422


@dataclass(slots=True)
class Report:
    """What differed: how many of each kind, the first of them by name."""

    counts: dict[str, int] = field(default_factory=dict)
    repaired: int = 0
    named: list[Difference] = field(default_factory=list)

    def add(self, one: Difference) -> None:
        self.counts[one.kind] = self.counts.get(one.kind, 0) + 1
        self.repaired += one.repaired
        if len(self.named) < MOST_NAMED:
            self.named.append(one)

    @property
    def ok(self) -> bool:
        return not self.counts

    def in_words(self) -> str:
        """For a terminal, Chinese first."""
        if self.ok:
            return "全部核对一致。 / Everything is what its sources make it."
        lines = []
        for one in self.named:
            done = "（已改正 / repaired）" if one.repaired else ""
            lines += [f"✗ {one.kind} {one.subject}：{one.zh}{done}", f"  {one.en}"]
        total = sum(self.counts.values())
        if total > len(self.named):
            lines.append(f"…… 另有 {total - len(self.named):,} 处 / more")
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.counts.items()))
        lines.append(
            f"共 {total:,} 处不一致，改正 {self.repaired:,} 处：{kinds}。 / "
            f"{total:,} differences, {self.repaired:,} repaired."
        )
        return "\n".join(lines)


def check(*, only: str, repair: bool, bars: Bars, processes: int = 0) -> Report:
    """Check the parts named in `only` (comma separated; empty: all). Nothing is written without
    `repair`, and then derived data only.

    `processes` share the work (0 = one for each core), each with a session of the database; what
    they find comes in the order in which one alone finds it. Raises `CrewFailed`, and what was
    repaired until then stays.
    """
    wanted = [name for name in only.split(",") if name] or list(PARTS)
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        raise UnknownPart(
            zh=f"没有“{unknown[0]}”这一项，可选：{'、'.join(PARTS)}",
            en=f"There is no part {unknown[0]}; choose of {', '.join(PARTS)}",
        )
    report = Report()
    with crew(processes or cores(), _prepare) as spread:
        for name in PARTS:
            if name in wanted:
                for one in _differences(name, repair, bars(PARTS[name]), spread):
                    report.add(one)
    return report


def _prepare() -> None:
    """Each process of the check, before it begins."""
    # Batches leave no circles behind: looking for them would take a third of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")


def _differences(
    name: str, repair: bool, advance: Callable[[int, int], None], spread: Spread
) -> Iterator[Difference]:
    if name == "observations":
        yield from sensing.recount_observations(
            by=OPERATOR, repair=repair, progress=advance, spread=spread
        )
    elif name == "cases":
        yield from cases.recount_cases(by=OPERATOR, repair=repair, progress=advance, spread=spread)
    elif name == "words":
        yield from cases.recount_words(by=OPERATOR, repair=repair, progress=advance, spread=spread)
    elif name == "files":
        yield from cases.recount_files(progress=advance, spread=spread)
    else:
        yield from _of_ledger(advance)


def _of_ledger(advance: Callable[[int, int], None]) -> Iterator[Difference]:
    try:
        report = verify.verify_database(progress=advance)
    except SourceUnreadable:
        return  # nothing was sealed yet
    for problem in report.problems:
        yield Difference(f"LEDGER_{problem.kind}", problem.where, problem.zh, problem.en)
