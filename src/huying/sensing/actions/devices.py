"""Registering devices and changing what is known of them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.db import transaction

from huying.directory import queries as directory
from huying.directory.permissions import Actor, DomainError, Permission
from huying.ledger import actions as ledger
from huying.sensing.actions.checking import touch_registry
from huying.sensing.models import Device, DeviceProperty, Property
from huying.sensing.rules.units import UnknownUnit, canonical, factor

_KEY: Final = re.compile(r"[0-9a-fA-F]{32}")
_MN: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class DeviceRefused(DomainError):
    """The description of a device does not hold together."""

    code = "DEVICE_REFUSED"
    status = 422


class DeviceExists(DomainError):
    code = "DEVICE_EXISTS"
    status = 409

    def __init__(self, mn: str) -> None:
        super().__init__(
            f"设备编号 {mn} 已经登记过。", f"A device with the number {mn} is registered already."
        )


@dataclass(frozen=True, slots=True)
class NewDevice:
    """What is known of a device when it is registered.

    `units` maps property codes to the units the device sends, e.g. {"a34004": "µg/m³"}; for
    what is not named annex B of HJ 212-2017 is taken. `sm4_key` is 32 hexadecimal digits.
    """

    mn: str
    name: str
    kind: str = "AIR"
    protocol: str = "HJ212"
    password: str = ""
    sm4_key: str = ""
    grid_code: str | None = None
    division_code: str | None = None
    organisation_id: int | None = None
    lon: float | None = None
    lat: float | None = None
    minute_interval: int = 10
    frames_per_minute: int = 600
    manual_counts: bool = False
    units: Mapping[str, str] = field(default_factory=dict)


def register_devices(*, devices: list[NewDevice], by: Actor) -> list[int]:
    """Register devices; their ids in order. All or none.

    A device without a grid gets the one its coordinates lie in. Raises NotAllowed,
    DeviceRefused, DeviceExists.
    """
    by.require(Permission.SENSING_MANAGE)
    units = [(device, _factors(device)) for device in devices]
    for device in devices:
        _validate(device)
    with transaction.atomic():
        there = Device.objects.filter(mn__in=[d.mn for d in devices]).values_list("mn", flat=True)
        for mn in there[:1]:
            raise DeviceExists(mn)
        rows = Device.objects.bulk_create([_row(device) for device in devices])
        DeviceProperty.objects.bulk_create(
            DeviceProperty(device=row, property_id=number, wire_unit=unit, factor=by_what)
            for row, (_device, factors) in zip(rows, units, strict=True)
            for number, unit, by_what in factors
        )
        ledger.record_many(
            [
                ledger.Entry(
                    kind="device.registered",
                    subject=f"device:{row.mn}",
                    by=by.ref,
                    body={"name": row.name, "kind": row.kind, "units": dict(device.units)},
                )
                for row, device in zip(rows, devices, strict=True)
            ]
        )
        touch_registry()
    return [row.id for row in rows]


def register_device(*, by: Actor, **details: Any) -> int:
    """Register one device from the fields of `NewDevice`; its id."""
    return register_devices(devices=[NewDevice(**details)], by=by)[0]


def change_device(*, mn: str, by: Actor, **changes: Any) -> None:
    """Change fields of a registered device (those of `NewDevice` but mn, and `enabled`)."""
    by.require(Permission.SENSING_MANAGE)
    with transaction.atomic():
        row = Device.objects.select_for_update().filter(mn=mn).first()
        if row is None:
            raise DeviceRefused(f"设备编号 {mn} 尚未登记。", f"{mn} is not registered.", status=404)
        units = changes.pop("units", None)
        plain = {"grid_code": "grid_id", "division_code": "division_id"}
        for name, value in changes.items():
            if name not in _CHANGEABLE:
                raise DeviceRefused(f"不能修改“{name}”。", f"{name} cannot be changed.")
            setattr(row, plain.get(name, name), value)
        _validate(_as_new(row, units or {}))
        row.save()
        if units is not None:
            factors = _factors(_as_new(row, units))
            DeviceProperty.objects.filter(device=row).delete()
            DeviceProperty.objects.bulk_create(
                DeviceProperty(device=row, property_id=number, wire_unit=unit, factor=by_what)
                for number, unit, by_what in factors
            )
        ledger.record(
            kind="device.changed",
            subject=f"device:{mn}",
            by=by.ref,
            body={"fields": sorted([*changes, *(["units"] if units is not None else [])])},
        )
        touch_registry()


@dataclass(frozen=True, slots=True)
class PropertyWording:
    """All a person may set of an observed property; see `models.Property`."""

    name_zh: str
    name_en: str
    medium: str
    unit: str
    wire_unit: str
    decimals: int = 1
    minimum: float | None = None
    maximum: float | None = None


def save_property(*, code: str, wording: PropertyWording, by: Actor) -> None:
    """List a property or change what is known of it; a code devices brought along is listed.

    The unit of values that are stored already cannot change: DeviceRefused. Raises NotAllowed.
    """
    by.require(Permission.SENSING_MANAGE)
    if not _CODE.fullmatch(code):
        raise DeviceRefused(
            "编码应为 1 到 32 位字母、数字、下划线、点或横线。",
            "A code has 1 to 32 letters, digits, underscores, dots or dashes.",
        )
    low, high = wording.minimum, wording.maximum
    if low is not None and high is not None and low >= high:
        raise DeviceRefused("合理下限应小于上限。", "The lower bound must be below the upper.")
    wire_unit = canonical(wording.wire_unit or wording.unit)
    try:
        factor(wire_unit, wording.unit)
    except UnknownUnit as error:
        raise DeviceRefused(
            f"单位“{wire_unit}”无法换算为“{wording.unit}”。",
            f"{wire_unit} cannot be converted to {wording.unit}.",
        ) from error
    with transaction.atomic():
        row = Property.objects.select_for_update().filter(code=code).first()
        if row is not None and row.is_listed and row.unit != canonical(wording.unit):
            raise DeviceRefused(
                "已按原单位保存过数据，单位不能改。请另立一个编码。",
                "Values are stored in the old unit, so it cannot change. Use another code.",
            )
        row = row or Property(code=code)
        for name in ("name_zh", "name_en", "medium", "decimals", "minimum", "maximum"):
            setattr(row, name, getattr(wording, name))
        row.unit, row.wire_unit, row.is_listed = canonical(wording.unit), wire_unit, True
        row.save()
        ledger.record(
            kind="property.changed",
            subject=f"property:{code}",
            by=by.ref,
            body={**asdict(wording), "code": code},
        )
        touch_registry()


_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,31}")
_CHANGEABLE: Final = frozenset({*asdict(NewDevice("x", "x")), "enabled"} - {"mn", "units"})


def _as_new(row: Device, units: Mapping[str, str]) -> NewDevice:
    key = row.sm4_key
    text = "" if key is None else key if isinstance(key, str) else key.open()
    return NewDevice(
        mn=row.mn, name=row.name, kind=row.kind, protocol=row.protocol, password=row.password,
        sm4_key=text, lon=row.lon, lat=row.lat, minute_interval=row.minute_interval,
        frames_per_minute=row.frames_per_minute, units=units,
    )  # fmt: skip


def _validate(device: NewDevice) -> None:
    if not _MN.fullmatch(device.mn):
        raise DeviceRefused(
            "设备编号应为 1 到 64 位字母、数字、下划线、点或横线。",
            "A device number has 1 to 64 letters, digits, underscores, dots or dashes.",
        )
    if device.sm4_key and not _KEY.fullmatch(device.sm4_key):
        raise DeviceRefused(
            "SM4 密钥应为 32 位十六进制数。", "An SM4 key has 32 hexadecimal digits."
        )
    if (device.lon is None) != (device.lat is None):
        raise DeviceRefused("经度和纬度须同时填写。", "Give both longitude and latitude.")
    if (
        device.lon is not None
        and device.lat is not None
        and not (-180 <= device.lon <= 180 and -90 <= device.lat <= 90)
    ):
        raise DeviceRefused("经纬度超出范围，请核对。", "Longitude or latitude is out of range.")
    if not 1 <= device.minute_interval <= 60:
        raise DeviceRefused("分钟数据间隔应为 1 到 60。", "The minute interval is 1 to 60.")


def _factors(device: NewDevice) -> list[tuple[int, str, float]]:
    found = []
    known = {p.code: p for p in Property.objects.filter(code__in=list(device.units))}
    for code, unit in device.units.items():
        if code not in known:
            raise DeviceRefused(f"监测项目 {code} 不存在。", f"There is no property {code}.")
        try:
            found.append((known[code].id, canonical(unit), factor(unit, known[code].unit)))
        except UnknownUnit as error:
            raise DeviceRefused(
                f"{code} 的单位“{unit}”无法换算为 {known[code].unit}。",
                f"{unit} of {code} cannot be converted to {known[code].unit}.",
            ) from error
    return found


def _row(device: NewDevice) -> Device:
    grid_code, division_code = device.grid_code, device.division_code
    if grid_code is None and device.lon is not None and device.lat is not None:
        grid = directory.grid_at(device.lon, device.lat)
        if grid is not None:
            grid_code = grid.code
    if grid_code is not None and division_code is None:
        division_code = grid_code[:12]
    return Device(
        mn=device.mn,
        name=device.name,
        kind=device.kind,
        protocol=device.protocol,
        password=device.password,
        sm4_key=device.sm4_key or None,
        grid_id=grid_code,
        division_id=division_code,
        organisation_id=device.organisation_id,
        lon=device.lon,
        lat=device.lat,
        minute_interval=device.minute_interval,
        frames_per_minute=device.frames_per_minute,
        manual_counts=device.manual_counts,
    )
