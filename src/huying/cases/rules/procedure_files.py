"""Procedure files, read and checked. Every error is given at once, with its key and its mend."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from huying.cases.rules.procedure import Procedure
from huying.cases.rules.procedure_checks import Problem, problems_of
from huying.standards.deadlines import InvalidLimit
from huying.standards.errors import InvalidInput


class ProcedureInvalid(InvalidInput):
    """A procedure file cannot be used; `problems` lists everything at once."""

    code = "PROCEDURE_INVALID"

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        super().__init__(
            f"{file}：" + "；".join(f"[{p.key}] {p.zh}" for p in problems),
            f"{file}: " + "; ".join(f"[{p.key}] {p.en}" for p in problems),
        )


def load(path: Path) -> Procedure:
    """The procedure in this file; `ProcedureInvalid` lists everything wrong with it."""
    return checked(path.read_text(encoding="utf-8"), path.name)


def checked(text: str, file: str) -> Procedure:
    """The same from a text; `file` is the name errors speak of."""
    procedure = parse(text, file)
    problems = list(problems_of(procedure))
    if problems:
        raise ProcedureInvalid(file, problems)
    return procedure


def parse(text: str, file: str) -> Procedure:
    """A procedure checked for its form only: a version that was in force is not judged by
    checks that came after it."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ProcedureInvalid(
            file,
            [
                Problem(
                    f"第 {line} 行",
                    "不是有效的 YAML，请检查缩进、冒号后的空格和引号",
                    f"line {line} is not valid YAML; check indentation, the space after "
                    "each colon and quotes",
                )
            ],
        ) from None
    if not isinstance(raw, dict):
        raise ProcedureInvalid(
            file, [Problem("", "文件是空的，请写入流程", "the file is empty; write a procedure")]
        )
    digest = hashlib.sha256(text.encode()).hexdigest()
    try:
        return Procedure.model_validate({**raw, "digest": digest, "text": text})
    except ValidationError as error:
        raise ProcedureInvalid(file, [_told(e) for e in error.errors()]) from None


_KNOWN_ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("缺少这一项，请补上", "is missing; add it"),
    "extra_forbidden": (
        "没有这个键，请检查拼写或删去",
        "is not a known key; check its spelling or remove it",
    ),
}


def _told(error: Any) -> Problem:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] in _KNOWN_ERRORS:
        return Problem(key, *_KNOWN_ERRORS[error["type"]])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InvalidLimit):
        return Problem(key, cause.zh, cause.en)
    return Problem(
        key, f"填写有误：{error['msg']}，请改正", f"is wrong: {error['msg']}; correct it"
    )
