"""From readings as they came to rows that can be stored: device, units, validity."""

import re
from collections.abc import Iterable, Sequence
from operator import le, mul, truediv
from typing import Final

from django.db import IntegrityError, connection, transaction

from huying.directory.permissions import Actor
from huying.sensing.models import Property
from huying.sensing.queries.registry import DeviceProfile, Registry, Template, registry
from huying.sensing.rules.alerting import Rule
from huying.sensing.rules.readings import KINDS, Reading, Refusal, refusal_of, refusal_of_time
from huying.sensing.rules.units import UnknownUnit
from huying.standards import hj212

_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}")
UNLISTED_LIMIT: Final = 500
"""How many unlisted properties devices may bring along before somebody must look."""


class Row:
    """One reading ready to be stored: stored units, property numbers, what counts."""

    __slots__ = (
        "at", "calm", "counted", "flags", "ids", "kind", "maxima", "minima", "place", "profile",
        "values", "watches",
    )  # fmt: skip

    def __init__(
        self,
        place: int,
        profile: DeviceProfile,
        kind: str,
        at: int,
        ids: tuple[int, ...],
        values: Sequence[float],
        flags: str,
        watches: list[tuple[Rule, int]] | None,
        minima: Sequence[float | None] | None = None,
        maxima: Sequence[float | None] | None = None,
        counted: Sequence[bool] | None = None,
    ) -> None:
        self.place = place
        self.profile = profile
        self.kind = kind
        self.at = at
        self.ids = ids
        self.values = values
        self.flags = flags
        self.watches = watches
        self.minima = minima
        self.maxima = maxima
        self.counted = counted
        """None where every value counts in statistics and alarms."""
        self.calm = False
        """Known to meet no rule: nothing to evaluate unless an alert is open."""

    @property
    def key(self) -> tuple[int, str, int]:
        return (self.profile.id, self.kind, self.at)

    def value_at(self, place: int) -> float | None:
        """The value at `place` of the arrays, or None if its flag keeps it out of alarms."""
        if self.counted is not None and not self.counted[place]:
            return None
        return self.values[place]


_NONE: Final[list[Refusal]] = []  # shared: never appended to


def check(
    known: Registry, place: int, reading: Reading, now: float
) -> tuple[Row | None, list[Refusal]]:
    """The row of a reading, and why it or single values of it were refused."""
    profile = known.devices.get(reading.mn)
    if profile is None:
        return None, [Refusal("UNKNOWN_DEVICE", {"mn": reading.mn})]
    if not profile.enabled:
        return None, [Refusal("DEVICE_DISABLED", {"mn": reading.mn})]
    if reading.password is not None and profile.password and reading.password != profile.password:
        return None, [Refusal("WRONG_PASSWORD", {"mn": reading.mn})]
    late = refusal_of_time(reading.at, now)
    if late is not None:
        return None, [late]
    if reading.kind not in KINDS or not reading.codes:
        if reading.troubles:
            return None, []
        return None, [Refusal("MALFORMED", {"problem": "没有可用的监测数据 / no data"})]
    try:
        template = known.template(profile, reading.codes, reading.listener, reading.units)
    except (KeyError, UnknownUnit):
        return _check_each(known, place, profile, reading)
    values: Sequence[float] = reading.values
    if template.multipliers is not None and template.divisors is not None:
        values = list(map(truediv, map(mul, values, template.multipliers), template.divisors))
    flags, kind = reading.flags, reading.kind
    if flags == template.all_normal and reading.minima is None:
        watches = template.watches.get(kind)
        calm = template.calm.get(kind)
        if calm is not None and all(map(le, calm[0], values)) and all(map(le, values, calm[1])):
            row = Row(place, profile, kind, reading.at, template.ids, values, flags, watches)
            row.calm = True
            return row, _NONE
        if all(map(le, template.lows, values)) and all(map(le, values, template.highs)):
            row = Row(place, profile, kind, reading.at, template.ids, values, flags, watches)
            return row, _NONE
    return _check_each(known, place, profile, reading)


def _check_each(
    known: Registry, place: int, profile: DeviceProfile, reading: Reading
) -> tuple[Row | None, list[Refusal]]:
    """Value by value: what cannot be taken is refused, the rest makes the row."""
    refusals: list[Refusal] = []
    taken: list[tuple[str, float, str, float | None, float | None]] = []
    seen: set[str] = set()
    size = len(reading.codes)
    flags = reading.flags.ljust(size, "N")
    written = reading.written or [""] * size
    minima = reading.minima or [None] * size
    maxima = reading.maxima or [None] * size
    for index, code in enumerate(reading.codes):
        if code in seen:
            continue
        seen.add(code)
        sent, flag = reading.values[index], flags[index]
        if code not in known.properties:
            refusals.append(Refusal("TOO_MANY_CODES", {"code": code}))
            continue
        try:
            template = known.template(profile, (code,), reading.listener, reading.units)
        except UnknownUnit as error:
            detail = {"code": code, "unit": error.sent, "stored": error.stored}
            refusals.append(Refusal("UNKNOWN_UNIT", detail))
            continue
        value = _converted(template, sent)
        refusal = refusal_of(code, value, template.measures[0], written[index])
        # What the device itself marks as not normal is kept as it is: it counts nowhere.
        if refusal is not None and (
            flag in profile.counted_flags or refusal.reason == "NOT_A_NUMBER"
        ):
            refusals.append(refusal)
            continue
        low, high = minima[index], maxima[index]
        taken.append(
            (
                code,
                value,
                flag,
                None if low is None else _converted(template, low),
                None if high is None else _converted(template, high),
            )
        )
    if not taken:
        return None, refusals
    template = known.template(
        profile, tuple(item[0] for item in taken), reading.listener, reading.units
    )
    counted = [item[2] in profile.counted_flags for item in taken]
    extremes = reading.minima is not None or reading.maxima is not None
    row = Row(
        place,
        profile,
        reading.kind,
        reading.at,
        template.ids,
        [item[1] for item in taken],
        "".join(item[2] for item in taken),
        template.watches.get(reading.kind),
        [item[3] for item in taken] if extremes else None,
        [item[4] for item in taken] if extremes else None,
        None if all(counted) else counted,
    )
    return row, refusals


def _converted(template: Template, sent: float) -> float:
    if template.multipliers is None or template.divisors is None:
        return sent
    return sent * template.multipliers[0] / template.divisors[0]


def list_new_properties(known: Registry, readings: Iterable[Reading], *, by: Actor) -> Registry:
    """Make an entry for each code nobody has listed yet, so that no value is lost.

    Only codes from registered devices, and at most 500: beyond that, values are refused until
    somebody has looked at the list. Returns the registry that knows them.
    """
    missing: dict[str, str] = {}
    for reading in readings:
        profile = known.devices.get(reading.mn)
        if profile is None:
            continue
        for code in reading.codes:
            if code not in known.properties and _CODE.fullmatch(code):
                missing.setdefault(code, profile.medium)
    if not missing:
        return known
    room = UNLISTED_LIMIT - Property.objects.filter(is_listed=False).count()
    fresh = [_entry(code, medium) for code, medium in sorted(missing.items())[: max(room, 0)]]
    if not fresh:
        return known
    try:
        with transaction.atomic():
            Property.objects.bulk_create(fresh, ignore_conflicts=True)
            touch_registry()
    except IntegrityError:  # pragma: no cover - another process listed them meanwhile
        pass
    return registry()


def _entry(code: str, medium: str) -> Property:
    substance = hj212.substance(code)
    unit = substance.unit if substance else ""
    return Property(
        code=code,
        name_zh=substance.zh if substance else code,
        name_en=substance.en if substance else code,
        medium=medium,
        unit=unit,
        wire_unit=unit,
        decimals=2,
        is_listed=substance is not None,
    )


def touch_registry() -> None:
    """Tell every listener to read devices, units, rules and windows anew. In a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sensing_registryedition (id, number)"
            " VALUES (1, extract(epoch FROM clock_timestamp()) * 1000000)"
            " ON CONFLICT (id) DO UPDATE SET number = excluded.number"
        )
