"""Every test that a page of docs/ names is there: a claim without its test is none."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Tables say once, above them, below which folder their tests lie.
STARTS = ("", "tests/", "tests/integration/")
_NAMED = re.compile(
    r"(?<![\w/.])((?:[\w-]+/)*test_\w+\.py(?:::\w+)?"  # a test module, perhaps a function of it
    r"|(?:web/)?(?:tests|unit|integration|faults)/[\w./-]*\w)"  # or what lies among the tests
    r"|(?<![\w:/])(test_\w+)(?![\w./])"  # or a function alone
)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _defines(path: Path, function: str) -> bool:
    return bool(re.search(rf"^\s*(async )?def {function}\(", _text(path), re.MULTILINE))


@cache
def _somewhere(function: str) -> bool:
    return any(_defines(path, function) for path in ROOT.glob("tests/**/test_*.py"))


def _is_there(named: str) -> bool:
    path, _, function = named.partition("::")
    if path.startswith("test_") and not path.endswith(".py"):
        return _somewhere(path)
    for start in STARTS:
        found = ROOT / start / path
        if found.exists():
            return not function or _defines(found, function)
    return False


def _named_in(text: str) -> list[str]:
    return [module or function for module, function in _NAMED.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_a_page_names_is_there(page: Path) -> None:
    assert not [named for named in _named_in(_text(page)) if not _is_there(named)]


def test_what_is_not_there_is_found() -> None:
    text = (
        "`cases/test_gone.py`, `unit/config/test_documents.py::test_gone`, `tests/gone/`, "
        "`test_gone`, `tests/unit/config/test_documents.py`, `web/tests/outbox.test.ts`"
    )
    named = _named_in(text)
    assert len(named) == 6
    assert [_is_there(one) for one in named] == [False, False, False, False, True, True]


def test_the_pages_that_claim_most_name_them() -> None:
    count = {page.stem: len(_named_in(_text(page))) for page in PAGES}
    assert count["security-asvs"] > 150
    assert count["security"] > 40
    assert count["reliability"] > 40
