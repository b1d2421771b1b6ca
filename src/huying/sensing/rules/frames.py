"""From an HJ 212 frame to a reading (HJ 212-2017, clauses 6.6.4 and 6.6.5)."""

import re
from functools import lru_cache
from typing import Final

from huying.sensing.rules.readings import Reading, Refusal, aligned
from huying.standards import hj212

# Command: kind of data, and the field that holds the value itself.
DATA_COMMANDS: Final = {
    "2011": ("REALTIME", "Rtd"),
    "2013": ("REALTIME", ""),
    "2021": ("REALTIME", "RS"),
    "2031": ("DAY", "Avg"),
    "2041": ("DAY", "RT"),
    "2051": ("MINUTE", "Avg"),
    "2061": ("HOUR", "Avg"),
}
_RAW: Final = "2013"
_READING: Final = re.compile(r"([A-Za-z0-9_]+)-([A-Z][A-Za-z]*)=(.*)", re.DOTALL)


def is_data(cn: str) -> bool:
    return cn in DATA_COMMANDS


def reading_of(frame: hj212.Frame, *, raw: bytes, peer: str) -> Reading | Refusal:
    """The reading in a data frame; a Refusal where the frame as a whole cannot be one.

    Codes of 2005 are translated. Rtd (real-time) or Avg (periods) is the value, Min and Max go
    with it, and any other field (Cou, ZsRtd, RS, RT …) becomes a property "code-field". Raw
    data (2025, CN 2013) is what the instrument said before it was corrected: it becomes
    "code-Raw", apart from the values that count.
    """
    header = frame.header
    kind, primary = DATA_COMMANDS[header.cn]
    if frame.data_time is None:
        return Refusal("BAD_TIME", {"time": frame.fields.get("DataTime", "")})
    at = aligned(kind, int(frame.data_time.timestamp()))
    troubles = tuple(map(_trouble, frame.skipped)) if frame.skipped else ()
    if frame.readings:
        codes, fields, values, flags, _times = zip(*frame.readings, strict=True)
        plain = _plain_codes(codes, fields, primary, header.st)
        letters = "".join(flags)
        if plain is not None and len(letters) == len(plain):
            return Reading(
                header.mn, kind, at, plain, values, letters, raw, peer, "HJ212", header.pw,
                troubles=troubles,
            )  # fmt: skip
    return _gathered(frame, kind, primary, at, raw, peer, troubles)


@lru_cache(maxsize=20_000)
def _plain_codes(
    codes: tuple[str, ...], fields: tuple[str, ...], primary: str, st: str
) -> tuple[str, ...] | None:
    """Today's codes where every field is the value itself and no code comes twice."""
    if any(field != primary for field in fields) or len(set(codes)) != len(codes):
        return None
    modern = tuple(hj212.modern_code(code, st) for code in codes)
    return modern if len(set(modern)) == len(modern) else None


def _gathered(
    frame: hj212.Frame,
    kind: str,
    primary: str,
    at: int,
    raw: bytes,
    peer: str,
    troubles: tuple[Refusal, ...],
) -> Reading:
    """Item by item: values, their minima and maxima, and what else was sent."""
    values: dict[str, float] = {}
    flags: dict[str, str] = {}
    extremes: dict[str, dict[str, float]] = {"Min": {}, "Max": {}}
    for item in frame.readings:
        code = hj212.modern_code(item.code, frame.header.st)
        if item.kind in extremes and primary == "Avg":
            extremes[item.kind].setdefault(code, item.value)
            continue
        name = code if item.kind == primary else f"{code}-{_field(item.kind, frame.header.cn)}"
        values.setdefault(name, item.value)
        flags.setdefault(name, item.flag[:1] or "N")
    codes = tuple(values)
    with_extremes = bool(extremes["Min"] or extremes["Max"])
    return Reading(
        frame.header.mn, kind, at, codes, tuple(values.values()),
        "".join(flags[code] for code in codes), raw, peer, "HJ212", frame.header.pw,
        minima=[extremes["Min"].get(code) for code in codes] if with_extremes else None,
        maxima=[extremes["Max"].get(code) for code in codes] if with_extremes else None,
        troubles=troubles,
    )  # fmt: skip


def _field(kind: str, cn: str) -> str:
    if cn != _RAW:
        return kind
    return "Raw" if kind == "Rtd" else f"Raw{kind}"


def _trouble(skipped: str) -> Refusal:
    found = _READING.fullmatch(skipped)
    if found:
        return Refusal("NOT_A_NUMBER", {"code": found[1], "value": found[3][:40]})
    if skipped.startswith("DataTime="):
        return Refusal("BAD_TIME", {"time": skipped[9:49]})
    return Refusal("UNKNOWN_FIELD", {"field": skipped[:80]})
