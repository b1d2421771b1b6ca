"""A release for a machine without internet: one archive a processor, with all it needs but Python.

    python -m deploy.bundle                    both processors, the version of pyproject.toml
    python -m deploy.bundle --arch x86_64 --version 0.1.1

writes var/huying-<version>-<arch>.tar. In it: install.sh; SHA256SUMS of every file; wheels/ and
wheels.txt, which pins each of them by its digest; and release/, which becomes
releases/<version> on the machine: source, templates, catalogue, built front end, collected static
files. What is pinned in requirements.txt is what is packed, each file checked against its hash.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
VAR = ROOT / "var"
ARCHITECTURES = ("x86_64", "aarch64")
PYTHON = "3.11"
# Kylin V10, UOS 20, openEuler 20.03, Debian 10 and all that came later.
GLIBC = 28
OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
RELEASE = ("src", "templates", "locale", "web/dist")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyc")


@dataclass(frozen=True)
class Pin:
    """One line of requirements.txt: what, and the digests it may have."""

    requirement: Requirement
    text: str


def pins(text: str, arch: str) -> list[Pin]:
    """What requirements.txt pins for Linux on `arch`."""
    machine = {
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": arch,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
    }
    found = []
    for block in re.findall(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", text, re.M | re.S):
        lines = [line for line in block.splitlines() if not line.strip().startswith("#")]
        requirement = Requirement(lines[0].rstrip(" \\"))
        if requirement.marker is None or requirement.marker.evaluate(machine):
            found.append(Pin(requirement, "\n".join(lines)))
    return found


def platforms(arch: str) -> list[str]:
    """The platform tags that a machine with this glibc takes."""
    older = {
        "x86_64": ["manylinux2014", "manylinux2010", "manylinux1"],
        "aarch64": ["manylinux2014"],
    }
    return [
        *(f"manylinux_2_{minor}_{arch}" for minor in range(GLIBC, OLDEST_GLIBC[arch] - 1, -1)),
        *(f"{name}_{arch}" for name in older[arch]),
    ]


def _pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
    )


def fetch_wheels(arch: str, target: Path) -> None:
    """Every wheel for `arch`; a project that publishes source alone is built here.

    Raises RuntimeError where such a build is good for one kind of processor only.
    """
    target.mkdir(parents=True, exist_ok=True)
    wanted = target / "wanted.txt"
    wanted.write_text("\n".join(pin.text for pin in pins(_requirements(), arch)), encoding="utf-8")
    _pip(
        *("download", "--no-deps", "--require-hashes", "--prefer-binary", "-r", str(wanted)),
        *("--dest", str(target), "--python-version", PYTHON, "--implementation", "cp"),
        *("--abi", "cp311", "--abi", "abi3", "--abi", "none"),
        *(part for platform in platforms(arch) for part in ("--platform", platform)),
    )
    wanted.unlink()
    for source in [*target.glob("*.tar.gz"), *target.glob("*.zip")]:
        _pip("wheel", "--no-deps", "--wheel-dir", str(target), str(source))
        source.unlink()
    for wheel in target.glob("*.whl"):
        tags = {tag.platform for tag in parse_wheel_filename(wheel.name)[3]}
        if not tags <= {"any", *platforms(arch)}:
            raise RuntimeError(f"{wheel.name} does not run on {arch}")


def _requirements() -> str:
    return (ROOT / "requirements.txt").read_text(encoding="utf-8")


def lock(wheels: Path) -> str:
    """wheels.txt: each wheel by name, version and digest, as pip --require-hashes reads it."""
    lines = []
    for wheel in sorted(wheels.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(wheel.name)
        lines.append(f"{name}=={version} --hash=sha256:{_digest(wheel)}\n")
    return "".join(lines)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lay_release(release: Path, version: str) -> None:
    """releases/<version> as it will lie on the machine, but for its .venv."""
    for name in RELEASE:
        shutil.copytree(ROOT / name, release / name, ignore=LEFT_OUT)
    (release / "bin").mkdir()
    shutil.copy(ROOT / "deploy" / "huying", release / "bin" / "huying")
    for name in ("deploy/huying.service", "deploy/install.sh", "LICENSE"):
        shutil.copy(ROOT / name, release)
    shutil.copytree(ROOT / "docs", release / "docs")
    (release / "VERSION").write_text(f"{version}\n", encoding="ascii")
    subprocess.run(
        [sys.executable, "-m", "huying.config.cli", "django", "collectstatic", "--noinput", "-v0"],
        env={
            **os.environ,
            "PYTHONPATH": str(release / "src"),
            "HUYING_STATIC_DIR": str(release / "static"),
            "HUYING_DATA_DIR": str(VAR / "bundle" / "nothing"),
            "HUYING_DATABASE_URL": "postgresql:///none",
            "HUYING_DJANGO_SECRET": "of no use after this",
        },
        check=True,
    )
    for cache in list(release.rglob("__pycache__")):
        shutil.rmtree(cache)


def pack(arch: str, version: str) -> Path:
    """Write var/huying-<version>-<arch>.tar; its path. It appears whole or not at all."""
    name = f"huying-{version}-{arch}"
    wheels, stage = VAR / "bundle" / f"wheels-{arch}", VAR / "bundle" / name
    marker = wheels / "complete"
    if not marker.exists() or marker.read_text() != _digest(ROOT / "requirements.txt"):
        shutil.rmtree(wheels, ignore_errors=True)
        fetch_wheels(arch, wheels)
        marker.write_text(_digest(ROOT / "requirements.txt"), encoding="ascii")
    shutil.rmtree(stage, ignore_errors=True)
    (stage / "wheels").mkdir(parents=True)
    for wheel in wheels.glob("*.whl"):
        os.link(wheel, stage / "wheels" / wheel.name)
    (stage / "wheels.txt").write_text(lock(stage / "wheels"), encoding="ascii")
    lay_release(stage / "release", version)
    shutil.copy(ROOT / "deploy" / "install.sh", stage)
    (stage / "ARCH").write_text(f"{arch}\n", encoding="ascii")
    files = sorted(path for path in stage.rglob("*") if path.is_file())
    sums = "".join(f"{_digest(path)}  {path.relative_to(stage)}\n" for path in files)
    (stage / "SHA256SUMS").write_text(sums, encoding="utf-8")
    archive = VAR / f"{name}.tar"
    draft = archive.with_suffix(".part")
    with tarfile.open(draft, "w") as tar:
        tar.add(stage, arcname=name, filter=_anonymous)
    draft.rename(archive)
    shutil.rmtree(stage)
    return archive


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's in particular: who unpacks it as root owns it."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def main() -> int:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    parser = argparse.ArgumentParser(description="Pack a release for a machine without internet.")
    parser.add_argument("--arch", action="append", choices=ARCHITECTURES)
    parser.add_argument("--version", default=version)
    given = parser.parse_args()
    for arch in given.arch or ARCHITECTURES:
        sys.stdout.write(f"{pack(arch, given.version)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
