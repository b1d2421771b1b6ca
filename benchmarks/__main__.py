"""make bench: every figure beside its reference, measured in the same run.

Prints a table and writes HUYING_DATA_DIR/bench.json. Runs on an embedded database of its own
(var/bench), which it fills and may throw away; durability settings are those of production.
"""

import argparse
import importlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ("ledger", "ingest", "alert_latency", "lifecycle")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="longer runs")
    parser.add_argument("--only", nargs="*", choices=BENCHMARKS, default=BENCHMARKS)
    arguments = parser.parse_args()

    os.environ["HUYING_DATA_DIR"] = str(ROOT / "var" / "bench")
    os.environ.pop("HUYING_DATABASE_URL", None)
    from huying.config import cli, embedded

    cli.migrate()
    rows = []
    try:
        for name in arguments.only:
            module = importlib.import_module(f"benchmarks.{name}")
            rows += module.run(quick=not arguments.full)
    finally:
        embedded.stop(ROOT / "var" / "bench" / "postgres")

    table = Table(title="make bench")
    for heading in ("name", "value", "unit", "reference", "reference value", "ratio"):
        table.add_column(heading, justify="left" if heading in ("name", "reference") else "right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.value:,.1f}",
            row.unit,
            row.reference,
            f"{row.reference_value:,.1f}",
            f"{row.ratio:.2f}",
        )
    Console().print(table)
    target = ROOT / "var" / "bench.json"
    target.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
