"""What a listener keeps in memory: devices, units, properties, rules, maintenance windows.

Read again only when `RegistryEdition` has changed, which each batch asks for: so a device
registered or a rule changed takes effect with the next batch, in every process.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from huying.sensing.models import AlertRule, Device, DeviceProperty, MaintenanceWindow, Property
from huying.sensing.rules.alerting import Rule
from huying.sensing.rules.readings import Measure
from huying.sensing.rules.units import UnknownUnit, canonical, factor

_FOREVER = 2**62


@dataclass(frozen=True, slots=True)
class PropertyFacts:
    """One property as the hot path and the messages need it."""

    id: int
    code: str
    name_zh: str
    name_en: str
    unit: str
    wire_unit: str
    decimals: int
    minimum: float | None
    maximum: float | None
    pollutant: str


@dataclass(slots=True)
class Template:
    """How one device's readings with the same codes are taken: looked up once, used always."""

    measures: tuple[Measure, ...]
    ids: tuple[int, ...]
    multipliers: tuple[float, ...] | None
    divisors: tuple[float, ...] | None
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    all_normal: str
    watches: dict[str, list[tuple[Rule, int]]]
    """By kind: the rules on a property of this template, and its place in the arrays."""
    calm: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    """By kind: the range in which a value is valid and meets no rule, place by place. Only
    kinds whose rules are all thresholds are here."""


@dataclass(slots=True)
class DeviceProfile:
    """One device as the hot path needs it."""

    id: int
    mn: str
    name: str
    medium: str
    protocol: str
    password: str
    sm4_key: bytes | None
    enabled: bool
    minute_interval: int
    counted_flags: str
    frames_per_minute: int
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str | None
    overrides: dict[int, tuple[str, float]]
    templates: dict[object, Template] = field(default_factory=dict)


@dataclass(slots=True)
class Registry:
    """One edition of everything the intake must know."""

    edition: int
    devices: dict[str, DeviceProfile]
    by_id: dict[int, DeviceProfile]
    properties: dict[str, PropertyFacts]
    properties_by_id: dict[int, PropertyFacts]
    rules: list[Rule]
    windows: list[tuple[int | None, int, int]]
    """(device or all, from, until) in seconds since 1970."""

    def in_maintenance(self, device_id: int, at: int) -> bool:
        return any(
            begin <= at < end and device in (None, device_id) for device, begin, end in self.windows
        )

    def measure(self, profile: DeviceProfile, code: str, unit: str, listener: str) -> Measure:
        """How `code` is taken from this device; `UnknownUnit` if `unit` has no factor.

        A unit that comes with the reading prevails, then the one registered for the device,
        then annex B's for HJ 212 and the stored unit for everything else.
        """
        facts = self.properties[code]
        if unit:
            sent, by = canonical(unit), factor(unit, facts.unit)
        elif facts.id in profile.overrides:
            sent, by = profile.overrides[facts.id]
        elif listener == "HJ212":
            sent, by = facts.wire_unit, factor(facts.wire_unit, facts.unit)
        else:
            sent, by = facts.unit, 1.0
        return Measure(facts.id, by, facts.minimum, facts.maximum, facts.unit, sent)

    def template(
        self,
        profile: DeviceProfile,
        codes: tuple[str, ...],
        listener: str,
        units: Mapping[str, str] | None = None,
    ) -> Template:
        """The template of these codes from this device; every code must be a known property."""
        key: object = (
            codes if units is None and listener == "HJ212" else (codes, listener, _frozen(units))
        )
        found = profile.templates.get(key)
        if found is not None:
            return found
        measures = tuple(
            self.measure(profile, code, (units or {}).get(code, ""), listener) for code in codes
        )
        factors = [_exact(measure.factor) for measure in measures]
        plain = all(pair == (1.0, 1.0) for pair in factors)
        infinity = float("inf")
        lows = tuple(-infinity if m.minimum is None else m.minimum for m in measures)
        highs = tuple(infinity if m.maximum is None else m.maximum for m in measures)
        watches = self._watches(profile, measures)
        made = Template(
            measures=measures,
            ids=tuple(measure.property_id for measure in measures),
            multipliers=None if plain else tuple(pair[0] for pair in factors),
            divisors=None if plain else tuple(pair[1] for pair in factors),
            lows=lows,
            highs=highs,
            all_normal="N" * len(codes),
            watches=watches,
            calm={
                kind: _calm_range(found, lows, highs)
                for kind, found in watches.items()
                if all(rule.test == "THRESHOLD" for rule, _place in found)
            },
        )
        if len(profile.templates) > 200:  # a device that never sends the same twice
            profile.templates.clear()
        profile.templates[key] = made
        return made

    def _watches(
        self, profile: DeviceProfile, measures: Sequence[Measure]
    ) -> dict[str, list[tuple[Rule, int]]]:
        places = {measure.property_id: place for place, measure in enumerate(measures)}
        found: dict[str, list[tuple[Rule, int]]] = {}
        for rule in self.rules:
            if rule.test == "SILENCE" or not rule.applies_to(profile.id, profile.medium):
                continue
            if rule.test == "AQI":
                watched = any(self.properties_by_id[pid].pollutant for pid in places)
                place = -1
            else:
                watched = rule.property_id in places
                place = places.get(rule.property_id or 0, -1)
            if watched:
                found.setdefault(rule.period, []).append((rule, place))
        return found


def _calm_range(
    watches: Sequence[tuple[Rule, int]], lows: tuple[float, ...], highs: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The valid range, narrowed to where no rule is met: at the threshold itself none is."""
    low, high = list(lows), list(highs)
    for rule, place in watches:
        if rule.comparison == "ABOVE":
            high[place] = min(high[place], rule.threshold)
        else:
            low[place] = max(low[place], rule.threshold)
    return tuple(low), tuple(high)


def _frozen(units: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(units.items())) if units else ()


def _exact(by: float) -> tuple[float, float]:
    """(multiplier, divisor): dividing by 1000 rounds once, multiplying by 0.001 twice."""
    return (by, 1.0) if by >= 1 else (1.0, float(f"{1 / by:.12g}"))


_lock = threading.Lock()
_held: Registry | None = None


def registry() -> Registry:
    """The current edition; one query where nothing changed since the last call."""
    global _held  # noqa: PLW0603  # one registry a process, shared by its threads
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM sensing_registryedition WHERE id = 1")
        line = cursor.fetchone()
    edition = int(line[0]) if line else 0
    held = _held
    if held is not None and held.edition == edition:
        return held
    with _lock:
        _held = _load(edition)
        return _held


def held_registry() -> Registry | None:
    """The registry as this process last read it, without a query: for an event loop."""
    return _held


def _load(edition: int) -> Registry:
    properties = {
        row.code: PropertyFacts(
            row.id, row.code, row.name_zh, row.name_en, row.unit, row.wire_unit, row.decimals,
            row.minimum, row.maximum, row.pollutant,
        )
        for row in Property.objects.order_by("id")
    }  # fmt: skip
    overrides: dict[int, dict[int, tuple[str, float]]] = {}
    for own in DeviceProperty.objects.order_by("id"):
        overrides.setdefault(own.device_id, {})[own.property_id] = (own.wire_unit, own.factor)
    devices = {row.mn: _profile(row, overrides.get(row.id, {})) for row in Device.objects.all()}
    return Registry(
        edition=edition,
        devices=devices,
        by_id={profile.id: profile for profile in devices.values()},
        properties=properties,
        properties_by_id={facts.id: facts for facts in properties.values()},
        rules=_rules(),
        windows=[
            (window.device_id, _seconds(window.starts_at), _seconds(window.ends_at))
            for window in MaintenanceWindow.objects.order_by("id")
        ],
    )


def _profile(row: Device, overrides: dict[int, tuple[str, float]]) -> DeviceProfile:
    return DeviceProfile(
        id=row.id,
        mn=row.mn,
        name=row.name,
        medium=row.kind,
        protocol=row.protocol,
        password=row.password,
        sm4_key=bytes.fromhex(row.sm4_key.open()) if row.sm4_key else None,
        enabled=row.enabled,
        minute_interval=row.minute_interval,
        counted_flags="NS" if row.manual_counts else "N",
        frames_per_minute=row.frames_per_minute,
        lon=row.lon,
        lat=row.lat,
        grid_code=row.grid_id,
        division_code=row.division_id,
        overrides=overrides,
    )


def _rules() -> list[Rule]:
    rows = AlertRule.objects.filter(enabled=True).prefetch_related("devices").order_by("id")
    return [as_rule(row, frozenset(device.id for device in row.devices.all())) for row in rows]


def as_rule(row: AlertRule, device_ids: frozenset[int] = frozenset()) -> Rule:
    """A stored rule in the form the pure logic takes."""
    threshold = 0.0 if row.threshold is None else row.threshold
    is_index = row.test == AlertRule.Test.AQI
    return Rule(
        id=row.id,
        code=row.code,
        name=row.name,
        version=row.version,
        test=row.test,
        period="HOUR" if is_index else row.period,
        comparison="ABOVE" if is_index else row.comparison,
        threshold=threshold,
        clear_threshold=threshold if row.clear_threshold is None else row.clear_threshold,
        for_seconds=row.for_seconds,
        window_seconds=row.window_seconds,
        severity=row.severity,
        property_id=row.property_id,
        medium=row.medium,
        device_ids=device_ids,
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


__all__ = [
    "DeviceProfile",
    "PropertyFacts",
    "Registry",
    "Template",
    "UnknownUnit",
    "held_registry",
    "registry",
]
