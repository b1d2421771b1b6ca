"""Alert rules and maintenance windows: changed by people, every wording kept."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from huying.directory.permissions import Actor, DomainError, Permission
from huying.ledger import actions as ledger
from huying.sensing.actions.checking import touch_registry
from huying.sensing.models import AlertRule, AlertRuleVersion, Device, MaintenanceWindow, Property
from huying.sensing.rules.catalogue import PROPERTIES, PROPERTY_FIELDS, RULE


class RuleRefused(DomainError):
    """The rule does not hold together; says what to mend."""

    code = "RULE_REFUSED"
    status = 422


class StaleRule(DomainError):
    """Somebody else changed the rule meanwhile."""

    code = "STALE_RULE"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "这条规则刚被别人改过，请刷新后再改。",
            "Somebody else has just changed this rule. Reload it and try again.",
        )


@dataclass(frozen=True, slots=True)
class RuleWording:
    """All of a rule that a person may set; see `models.AlertRule`."""

    name: str
    test: str
    property_code: str = ""
    period: str = "HOUR"
    comparison: str = "ABOVE"
    threshold: float | None = None
    clear_threshold: float | None = None
    for_seconds: int = 0
    window_seconds: int = 3600
    severity: str = "WARNING"
    medium: str = ""
    device_mns: tuple[str, ...] = ()
    source: str = ""
    enabled: bool = True


def save_rule(
    *, code: str, wording: RuleWording, by: Actor, note: str = "", version: int | None = None
) -> int:
    """Make a rule or give it a new wording; its new version.

    `version` is the one the change was made from; StaleRule if it is not current any more.
    Open alerts go on under the wording they opened with. Raises NotAllowed, RuleRefused.
    """
    by.require(Permission.SENSING_MANAGE)
    _validate(wording)
    with transaction.atomic():
        rule = AlertRule.objects.select_for_update().filter(code=code).first()
        if rule is not None and version is not None and rule.version != version:
            raise StaleRule
        devices = _devices(wording.device_mns)
        observed = _property(wording.property_code)
        rule = rule or AlertRule(code=code, version=0)
        for name in (
            "name", "test", "period", "comparison", "threshold", "clear_threshold",
            "for_seconds", "window_seconds", "severity", "medium", "source", "enabled",
        ):  # fmt: skip
            setattr(rule, name, getattr(wording, name))
        rule.property = observed
        rule.version += 1
        try:
            rule.full_clean(exclude=["devices"])
        except ValidationError as error:
            raise RuleRefused("；".join(error.messages), "; ".join(error.messages)) from error
        rule.save()
        rule.devices.set(devices)
        body = {**asdict(wording), "device_mns": list(wording.device_mns), "code": code}
        AlertRuleVersion.objects.create(
            rule=rule,
            version=rule.version,
            body=body,
            changed_at=timezone.now(),
            changed_by=by.ref,
            note=note,
        )
        ledger.record(
            kind="rule.changed",
            subject=f"alert_rule:{code}",
            by=by.ref,
            body={**body, "version": rule.version, "note": note},
        )
        touch_registry()
    return rule.version


def _validate(wording: RuleWording) -> None:
    if wording.test == "SILENCE":
        if wording.for_seconds <= 0:
            raise RuleRefused(
                "请填写多久没有数据算失联。", "Say after how long a device is silent."
            )
        return
    if wording.threshold is None:
        raise RuleRefused("请填写预警值。", "Give a threshold.")
    if wording.test in ("THRESHOLD", "RATE") and not wording.property_code:
        raise RuleRefused("请选择监测项目。", "Choose a property.")
    rises = wording.comparison == "ABOVE"
    if wording.test == "RATE" and not (wording.threshold > 0 if rises else wording.threshold < 0):
        raise RuleRefused(
            "变化幅度：升高选“高于”，填正数；下降选“低于”，填负数。",
            "A rise is “above” a positive number, a fall “below” a negative one.",
        )
    clear = wording.clear_threshold
    if clear is None:
        return
    if clear > wording.threshold if rises else clear < wording.threshold:
        raise RuleRefused(
            "解除值应比预警值更宽松，否则预警会反复开合。",
            "The clearing value must lie on the safe side of the threshold.",
        )


def _property(code: str) -> Property | None:
    if not code:
        return None
    found = Property.objects.filter(code=code).first()
    if found is None:
        raise RuleRefused(f"监测项目 {code} 不存在。", f"There is no property {code}.")
    return found


def _devices(mns: Sequence[str]) -> list[Device]:
    found = list(Device.objects.filter(mn__in=mns))
    missing = set(mns) - {device.mn for device in found}
    if missing:
        names = "、".join(sorted(missing))
        raise RuleRefused(f"设备 {names} 尚未登记。", f"Not registered: {names}.")
    return found


def plan_maintenance(
    *, mn: str | None, starts_at: datetime, ends_at: datetime, reason: str, by: Actor
) -> int:
    """No alerts from one device (or all, with mn=None) in [starts_at, ends_at); the id."""
    by.require(Permission.SENSING_MANAGE)
    if ends_at <= starts_at:
        raise RuleRefused("结束时间应晚于开始时间。", "The end must come after the start.")
    with transaction.atomic():
        device = None if mn is None else _devices([mn])[0]
        window = MaintenanceWindow.objects.create(
            device=device, starts_at=starts_at, ends_at=ends_at, reason=reason, created_by=by.ref
        )
        ledger.record(
            kind="maintenance.planned",
            subject=f"device:{mn}" if mn else "devices",
            by=by.ref,
            body={
                "starts_at": starts_at.isoformat(),
                "ends_at": ends_at.isoformat(),
                "reason": reason,
            },
        )
        touch_registry()
    return window.id


def ensure_catalogue(*, by: Actor) -> int:
    """Add the properties and the default rule that ship with Huying where they are missing;
    how many were added. What the county changed stays as it is."""
    by.require(Permission.SENSING_MANAGE)
    with transaction.atomic():
        there = set(Property.objects.values_list("code", flat=True))
        missing = [row for row in PROPERTIES if row[0] not in there]
        Property.objects.bulk_create(
            Property(**dict(zip(PROPERTY_FIELDS, row, strict=True)), is_listed=True)
            for row in missing
        )
        added = len(missing)
        if not AlertRule.objects.filter(code=RULE["code"]).exists():
            fields = {name: value for name, value in RULE.items() if name != "code"}
            wording = RuleWording(property_code="a34004", **fields)
            save_rule(code=RULE["code"], wording=wording, by=by, note="随系统提供")
            added += 1
        touch_registry()
    return added
