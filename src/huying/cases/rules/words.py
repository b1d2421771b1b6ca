"""Chinese words of a text, for the search index: PostgreSQL itself cannot tell them apart."""

import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import jieba

jieba.setLogLevel(logging.WARNING)

LONGEST_TEXT: Final = 4_000
"""Characters of a text that are indexed; a longer one is found by its beginning."""
MOST_WORDS: Final = 400
_WORD: Final = re.compile(r"[\w]+")
_CLAUSE_ENDS: Final = re.compile(r"[,。!?;:、\s]+")
_IDLE: Final = frozenset(
    re.findall(
        r"\S+",
        "的 了 和 是 在 我 也 就 都 而 及 与 着 或 一个 没有 我们 你们 他们 您好 你好 "
        "请 吗 呢 吧 啊 这 那 这个 那个 有 到 上 下 为 以 对 把 被 让 给 从 向 但 又 还 很",
    )
)


def prepare() -> None:
    """Read jieba's dictionary now: a second or two, which the first text would otherwise cost."""
    jieba.initialize()


def words_of(texts: Iterable[str]) -> list[str]:
    """The distinct words of these texts, sorted; short parts of long words among them."""
    found: set[str] = set()
    for text in texts:
        found.update(_cut(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).lower()))
    return sorted(found)[:MOST_WORDS]


def query_of(text: str) -> str:
    """The same as a tsquery literal: all of the words. "" where there is none to look for."""
    words = _words_asked(unicodedata.normalize("NFKC", text[:200]).lower())
    return " & ".join("'" + word.replace("\\", "").replace("'", "''") + "'" for word in words)


@lru_cache(maxsize=512)
def _words_asked(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_kept(jieba.cut(text))))[:12]


def _cut(text: str) -> Iterable[str]:
    for clause in _CLAUSE_ENDS.split(text):
        yield from _words_said(clause)


@lru_cache(maxsize=8192)
def _words_said(clause: str) -> tuple[str, ...]:
    """jieba cuts between these marks anyway; people repeat themselves from clause to clause."""
    return tuple(_kept(jieba.cut_for_search(clause)))


def _kept(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        if _WORD.fullmatch(word) and word not in _IDLE and len(word) <= 60:
            yield word
