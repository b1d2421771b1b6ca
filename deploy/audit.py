"""Known vulnerabilities of what is pinned, asked of OSV (https://osv.dev).

    python -m deploy.audit [--if-reachable]

Python: what requirements.txt pins for the processors there is a bundle for. Front end: what
package-lock.json pins and the pages are built from. OSV gathers the advisories of PyPA, GitHub and
others, those that pip-audit and npm audit ask for; mirrors of registries do not answer for them.

Exit status: 0 nothing is known; 1 something is, or an exception is past its end; 3 OSV was not
reached, so nothing was looked up. With --if-reachable that is said and no failure: `make check`
must do without internet.
"""

import argparse
import json
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from packaging.utils import canonicalize_name

from deploy.bundle import ARCHITECTURES, ROOT, pins

SERVICE = "https://api.osv.dev"
# Looking up the name of the service has no time limit of its own.
REACHED_WITHIN = 8.0
ANSWER_SECONDS: Final = 5.0
MOST_AT_ONCE: Final = 1000
FOUND, NOT_REACHED = 1, 3


@dataclass(frozen=True, slots=True)
class Excepted:
    """An advisory that is known and borne, for a reason and not beyond a day."""

    advisory: str
    reason: str
    until: date


# Only what does not touch us, or has no mend yet: Excepted("CVE-…", "why", until=date(…)).
EXCEPTIONS: tuple[Excepted, ...] = ()


@dataclass(frozen=True, slots=True)
class Package:
    ecosystem: str  # as OSV calls it
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Finding:
    """`names`: of one advisory in every list that has it, the asked one's first."""

    package: Package
    names: tuple[str, ...]
    summary: str = "no details"
    fixed: tuple[str, ...] = ()

    def in_words(self) -> str:
        also = f" ({', '.join(self.names[1:])})" if self.names[1:] else ""
        mend = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no fixed version is known"
        where = f"{self.package.name} {self.package.version}"
        return f"{where}: {self.names[0]}{also}: {self.summary}; {mend}"


class NotReached(Exception):
    """The service does not answer, or answers something else."""


def of_python() -> list[Package]:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = {
        (canonicalize_name(pin.requirement.name), str(pin.requirement.specifier).lstrip("="))
        for arch in ARCHITECTURES
        for pin in pins(text, arch)
    }
    return [Package("PyPI", name, version) for name, version in sorted(pinned)]


def of_the_front_end(lock: Path = ROOT / "web" / "package-lock.json") -> list[Package]:
    entries = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    pinned = {
        (path.rpartition("node_modules/")[2], str(entry["version"]))
        for path, entry in entries.items()
        if path and not entry.get("dev")
    }
    return [Package("npm", name, version) for name, version in sorted(pinned)]


def findings(packages: list[Package]) -> list[Finding]:
    """Every advisory that holds for one of these. Raises NotReached."""
    found: list[Finding] = []
    with httpx.Client(base_url=SERVICE, timeout=ANSWER_SECONDS) as client:
        for package, advisory in _known(client, packages):
            one = _described(client, package, advisory)
            if one is not None and not any(_same(one, other) for other in found):
                found.append(one)
    return found


def _known(client: httpx.Client, packages: list[Package]) -> Iterator[tuple[Package, str]]:
    asked: list[tuple[Package, dict[str, Any]]] = [
        (
            package,
            {
                "package": {"ecosystem": package.ecosystem, "name": package.name},
                "version": package.version,
            },
        )
        for package in packages
    ]
    while asked:
        now, asked = asked[:MOST_AT_ONCE], asked[MOST_AT_ONCE:]
        try:
            answer = client.post("/v1/querybatch", json={"queries": [query for _, query in now]})
            results = answer.raise_for_status().json()["results"]
            for (package, query), result in zip(now, results, strict=True):
                yield from ((package, str(one["id"])) for one in result.get("vulns", ()))
                if result.get("next_page_token"):
                    asked.append((package, {**query, "page_token": result["next_page_token"]}))
        except httpx.HTTPError as fault:
            raise NotReached(str(fault) or type(fault).__name__) from fault
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise NotReached("something else answers there") from fault


def _described(client: httpx.Client, package: Package, advisory: str) -> Finding | None:
    """None where the advisory was withdrawn. One that cannot be read counts all the same."""
    try:
        details = client.get(f"/v1/vulns/{advisory}").raise_for_status().json()
        if details.get("withdrawn"):
            return None
        fixed = {
            event["fixed"]
            for affected in details.get("affected", ())
            if affected["package"]["ecosystem"] == package.ecosystem
            and canonicalize_name(affected["package"]["name"]) == canonicalize_name(package.name)
            for one in affected.get("ranges", ())
            if one["type"] != "GIT"
            for event in one["events"]
            if "fixed" in event
        }
        names = (advisory, *(one for one in details.get("aliases", ()) if one != advisory))
        summary = details.get("summary") or details.get("details") or "no summary"
        return Finding(package, names, " ".join(summary.split())[:200], tuple(sorted(fixed)))
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return Finding(package, (advisory,))


def _same(one: Finding, other: Finding) -> bool:
    return one.package == other.package and not set(one.names).isdisjoint(other.names)


def objections(found: Iterable[Finding], today: date) -> list[str]:
    """What is known and not excepted, and the exceptions that have come to their end."""
    running = {one.advisory for one in EXCEPTIONS if today <= one.until}
    return [
        *(one.in_words() for one in found if running.isdisjoint(one.names)),
        *(
            f"the exception for {one.advisory} ended on {one.until}: {one.reason}"
            for one in EXCEPTIONS
            if today > one.until
        ),
    ]


def _within_time(packages: list[Package]) -> list[Finding]:
    """`findings`, given up where the service is not reached in time. Raises NotReached."""
    reached = threading.Event()
    fault: list[Exception] = []

    def knock() -> None:
        try:
            httpx.get(SERVICE, timeout=ANSWER_SECONDS)
        except Exception as error:
            fault.append(error)
        reached.set()

    threading.Thread(target=knock, daemon=True).start()
    if not reached.wait(REACHED_WITHIN):
        raise NotReached(f"no answer within {REACHED_WITHIN:.0f} s")
    if fault:
        raise NotReached(str(fault[0]) or type(fault[0]).__name__)
    return findings(packages)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.audit", description=__doc__)
    parser.add_argument("--if-reachable", action="store_true", help="without internet, go on")
    options = parser.parse_args(arguments)
    packages = [*of_python(), *of_the_front_end()]
    found: list[Finding] = []
    reached = True
    try:
        found = _within_time(packages)
    except NotReached as fault:
        reached = False
        sys.stdout.write(
            f"audit: {SERVICE} was not reached, {len(packages)} packages were not looked up:"
            f" {fault}\n"
        )
    wrong = objections(found, datetime.now(UTC).date())
    sys.stdout.write("".join(f"{one}\n" for one in wrong))
    if reached:
        sys.stdout.write(f"audit: {len(packages)} packages, {len(wrong)} objections\n")
    if wrong:
        return FOUND
    return 0 if reached or options.if_reachable else NOT_REACHED


if __name__ == "__main__":
    raise SystemExit(main())
