"""The bill of materials (CycloneDX) of what runs, with licences: var/sbom/*.cdx.json.

    python -m deploy.sbom NPM

Python: what requirements.txt pins for this machine, described from the packages installed in this
environment, and nothing of what only checks or tests. Front end: npm's own list of what the lock
file pins. Both are checked against the schema of CycloneDX before they are written.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from deploy.bundle import ROOT, VAR, pins

VERSIONS = {"1.5": SchemaVersion.V1_5, "1.6": SchemaVersion.V1_6}


def of_python() -> dict[str, Any]:
    """The libraries of the server, who needs whom, and what Huying itself asks for."""
    command = [
        *(sys.executable, "-m", "cyclonedx_py", "environment", sys.executable),
        *("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"),
        *("--spec-version", "1.6", "--output-reproducible", "--output-format", "JSON"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    bom: dict[str, Any] = json.loads(done.stdout)
    pinned = pins((ROOT / "requirements.txt").read_text(encoding="utf-8"), platform.machine())
    runs = {canonicalize_name(pin.requirement.name) for pin in pinned}
    bom["components"] = [c for c in bom["components"] if canonicalize_name(c["name"]) in runs]
    refs = {canonicalize_name(c["name"]): c["bom-ref"] for c in bom["components"]}
    missing = runs - set(refs)
    if missing:
        raise RuntimeError(f"pinned but not installed here: {', '.join(sorted(missing))}")
    root = bom["metadata"]["component"]["bom-ref"]
    kept = set(refs.values())
    bom["dependencies"] = [
        {"ref": root, "dependsOn": sorted(refs[name] for name in _asked_for())},
        *(
            {**entry, "dependsOn": [ref for ref in entry.get("dependsOn", []) if ref in kept]}
            for entry in bom["dependencies"]
            if entry["ref"] in kept
        ),
    ]
    return bom


def _asked_for() -> list[NormalizedName]:
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    texts = [line.split("#")[0].strip() for line in lines]
    return [canonicalize_name(Requirement(text).name) for text in texts if text]


def of_the_front_end(npm: str) -> dict[str, Any]:
    """What the pages are built from."""
    command = [npm, "sbom", "--sbom-format", "cyclonedx", "--package-lock-only", "--omit", "dev"]
    done = subprocess.run(command, cwd=ROOT / "web", capture_output=True, text=True, check=True)
    bom: dict[str, Any] = json.loads(done.stdout)
    return bom


def checked(bom: dict[str, Any]) -> str:
    """The bill as text; raises ValueError where it is not what CycloneDX says."""
    text = json.dumps(bom, indent=1, ensure_ascii=False)
    error = JsonStrictValidator(VERSIONS[bom["specVersion"]]).validate_str(text)
    if error is not None:
        raise ValueError(str(error))
    return text


def main() -> int:
    target = VAR / "sbom"
    target.mkdir(parents=True, exist_ok=True)
    bills = {"huying-python": of_python(), "huying-web": of_the_front_end(sys.argv[1])}
    for name, bom in bills.items():
        path: Path = target / f"{name}.cdx.json"
        path.write_text(checked(bom), encoding="utf-8")
        sys.stdout.write(f"{path}: {len(bom['components'])} components\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
