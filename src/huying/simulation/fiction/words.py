"""Lists of words from words.yaml."""

from functools import cache
from pathlib import Path

import yaml


@cache
def _lists() -> dict[str, list[str]]:
    text = Path(__file__).with_name("words.yaml").read_text(encoding="utf-8")
    return {name: line.split() for name, line in yaml.safe_load(text).items()}


def words(name: str) -> list[str]:
    """The words listed under `name`."""
    return _lists()[name]
