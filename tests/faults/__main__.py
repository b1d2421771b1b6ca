"""python -m tests.faults [NAME …] [--rounds 100] [--seed 2026]

All faults, or those named; a table at the end, the same in var/faults.json. Exit status 1 where
anything confirmed is missing or there twice, or a fault shows what it should not.
"""

import argparse
import importlib
import json
import sys
import traceback
from dataclasses import asdict
from typing import Any, Final

from tests.faults import county_under_load
from tests.faults.county_under_load import FOLDER
from tests.faults.reckoning import MOST_NAMED, Outcome, Skipped

FAULTS: Final = (
    "interrupted_migration",
    "connection_resets",
    "broker",
    "silent_consumers",
    "exhausted_pool",
    "clocks",
    "full_disk",
    "failover",
    "kill_loop",
)
_LINE: Final = "{:<22} {:>8} {:>6} {:>9} {:>7} {:>7} {:>7} {:>9} {:>8} {:>6} {:>6} {:>6} {:>8}"
_HEAD: Final = (
    *("fault", "reports", "acts", "readings", "alerts", "notices", "records", "repeated"),
    *("missing", "twice", "fsck", "verify", "seconds"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--rounds", type=int, default=100, help="of the kill loop")
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(FAULTS)
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    options: dict[str, dict[str, Any]] = {
        name: {"seed": arguments.seed}
        for name in ("interrupted_migration", "connection_resets", "broker", "kill_loop")
    }
    options["kill_loop"]["rounds"] = arguments.rounds
    outcomes: list[Outcome] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    with county_under_load.template() as template:
        for name in arguments.names or FAULTS:
            print(f"— {name}", flush=True)
            outcomes.append(_outcome(name, template, options.get(name, {})))
            print("\n".join(_told(outcomes[-1])), flush=True)
    print(f"\n{table(outcomes)}")
    _keep(outcomes)
    return 0 if all(one.ok for one in outcomes) else 1


def _outcome(name: str, template: county_under_load.Template, options: dict[str, Any]) -> Outcome:
    try:
        found: Outcome = importlib.import_module(f"tests.faults.{name}").run(template, **options)
        return found
    except Skipped as reason:
        return Outcome(name, skipped=str(reason))
    except Exception as error:
        # The other faults still happen; this one has failed.
        traceback.print_exc()
        return Outcome(name, wrong=[f"{type(error).__name__}: {error}"])


def _told(outcome: Outcome) -> list[str]:
    if outcome.skipped:
        return [f"  skipped: {outcome.skipped}"]
    lines = [f"  {remark}" for remark in outcome.remarks]
    for title, found in (
        ("missing", outcome.missing),
        ("there twice", outcome.twice),
        ("wrong", outcome.wrong),
    ):
        if found:
            more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            lines.append(f"  {title}: {'; '.join(found[:MOST_NAMED])}{more}")
    lines += [f"  {said}" for said in (outcome.fsck, outcome.verify) if said]
    return lines


def table(outcomes: list[Outcome]) -> str:
    """One line a fault."""
    lines = [_LINE.format(*_HEAD)]
    for one in outcomes:
        if one.skipped:
            lines.append(f"{one.fault:<22} skipped: {one.skipped}")
            continue
        kinds = ("reports", "acts", "readings", "alerts", "notices", "records")
        lines.append(
            _LINE.format(
                one.fault,
                *(one.confirmed.get(kind, 0) for kind in kinds),
                one.repeated,
                len(one.missing),
                len(one.twice),
                "differs" if one.fsck else "ok",
                "fails" if one.verify else "ok",
                one.seconds,
            )
            + ("" if one.ok else "  ✗")
        )
    return "\n".join(lines)


def _keep(outcomes: list[Outcome]) -> None:
    found = [{**asdict(one), "ok": one.ok} for one in outcomes]
    (FOLDER / "faults.json").write_text(json.dumps(found, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    sys.exit(main())
