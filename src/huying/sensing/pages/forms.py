"""Forms of the desk: registering a device, wording a rule, planning maintenance."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from huying.sensing.actions import NewDevice, RuleWording
from huying.sensing.models import AlertRule, Device, Property
from huying.sensing.models.alerts import Severity
from huying.sensing.models.devices import Medium
from huying.sensing.models.observations import Kind
from huying.sensing.replay import UNITS as MICROGRAM_UNITS


class DeviceForm(forms.Form):
    """What an operator knows when a device is put up."""

    class Units:
        ANNEX = "ANNEX"
        MICROGRAM = "MICROGRAM"

    mn = forms.RegexField(
        r"^[A-Za-z0-9_.\-]{1,64}$",
        label=_("设备编号（MN）"),
        help_text=_("数采仪上设置的设备唯一标识，字母和数字，区分大小写"),
    )
    name = forms.CharField(label=_("名称"), max_length=60, help_text=_("如：城关镇政府站"))
    kind = forms.ChoiceField(label=_("类别"), choices=Medium.choices)
    protocol = forms.ChoiceField(label=_("接入方式"), choices=Device.Protocol.choices)
    password = forms.CharField(
        label=_("访问密码（PW）"),
        max_length=32,
        required=False,
        help_text=_("HJ 212 设备一般为 6 位；留空则不核对"),
    )
    units = forms.ChoiceField(
        label=_("气体和颗粒物的上报单位"),
        choices=[
            (Units.MICROGRAM, _("µg/m³（一氧化碳 mg/m³），多数设备如此")),
            (Units.ANNEX, _("HJ 212 附录 B 的默认单位（颗粒物 ng/m³，气体 mg/m³）")),
        ],
    )
    sm4_key = forms.RegexField(
        r"^[0-9a-fA-F]{32}$",
        label=_("SM4 密钥"),
        required=False,
        help_text=_("32 位十六进制数；不加密的设备留空"),
    )
    lon = forms.FloatField(label=_("经度"), required=False, min_value=-180, max_value=180)
    lat = forms.FloatField(label=_("纬度"), required=False, min_value=-90, max_value=90)

    def device(self) -> NewDevice:
        """What `actions.register_devices` takes."""
        data = dict(self.cleaned_data)
        preset = data.pop("units")
        units = MICROGRAM_UNITS if preset == self.Units.MICROGRAM and data["kind"] == "AIR" else {}
        return NewDevice(**data, units=units)


class DeviceEditForm(forms.Form):
    """What may change of a registered device."""

    name = forms.CharField(label=_("名称"), max_length=60)
    password = forms.CharField(
        label=_("访问密码（PW）"), max_length=32, required=False, help_text=_("留空则不核对")
    )
    units = forms.CharField(
        label=_("各项目的上报单位"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("每行一项：编码和单位，如“a34004 µg/m³”。没有列出的按 HJ 212 附录 B"),
    )
    lon = forms.FloatField(label=_("经度"), required=False, min_value=-180, max_value=180)
    lat = forms.FloatField(label=_("纬度"), required=False, min_value=-90, max_value=90)
    minute_interval = forms.IntegerField(label=_("分钟数据间隔（分钟）"), min_value=1, max_value=60)
    frames_per_minute = forms.IntegerField(
        label=_("每分钟报文上限"),
        min_value=1,
        max_value=1_000_000,
        help_text=_("超出部分转入待核数据，不影响其他设备"),
    )
    manual_counts = forms.BooleanField(label=_("手工数据（标记 S）参与统计和预警"), required=False)
    enabled = forms.BooleanField(label=_("启用"), required=False)

    def clean_units(self) -> dict[str, str]:
        found = {}
        for line in str(self.cleaned_data["units"]).splitlines():
            parts = line.replace("，", " ").replace(",", " ").split()
            if not parts:
                continue
            if len(parts) != 2:
                raise forms.ValidationError(_("“%(line)s”应写成：编码 单位"), params={"line": line})
            found[parts[0]] = parts[1]
        return found

    @classmethod
    def initial_of(cls, device: Device) -> dict[str, Any]:
        units = device.properties.select_related("property").order_by("property_id")
        return {
            "name": device.name,
            "password": device.password,
            "units": "\n".join(f"{own.property.code} {own.wire_unit}" for own in units),
            "lon": device.lon,
            "lat": device.lat,
            "minute_interval": device.minute_interval,
            "frames_per_minute": device.frames_per_minute,
            "manual_counts": device.manual_counts,
            "enabled": device.enabled,
        }


class PropertyForm(forms.Form):
    """An observed property as the county lists it."""

    name_zh = forms.CharField(label=_("名称"), max_length=40)
    name_en = forms.CharField(label=_("英文名称"), max_length=60)
    medium = forms.ChoiceField(label=_("类别"), choices=Medium.choices)
    unit = forms.CharField(
        label=_("单位"), max_length=16, required=False, help_text=_("保存和显示都用这个单位")
    )
    wire_unit = forms.CharField(
        label=_("设备默认单位"),
        max_length=16,
        required=False,
        help_text=_("HJ 212 设备没有另行登记单位时，按这个单位理解；留空即与上面相同"),
    )
    decimals = forms.IntegerField(label=_("小数位数"), min_value=0, max_value=6)
    minimum = forms.FloatField(label=_("合理下限"), required=False)
    maximum = forms.FloatField(
        label=_("合理上限"), required=False, help_text=_("超出范围的数值转入待核数据")
    )


class MaintenanceForm(forms.Form):
    starts_at = forms.DateTimeField(
        label=_("开始"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    ends_at = forms.DateTimeField(
        label=_("结束"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    reason = forms.CharField(label=_("原因"), max_length=200, help_text=_("如：校准、停电检修"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        begin, end = data.get("starts_at"), data.get("ends_at")
        if begin and end and end <= begin:
            self.add_error("ends_at", _("结束时间应晚于开始时间"))
        if end and end < timezone.now():
            self.add_error("ends_at", _("这个时段已经过去，不起作用"))
        return data


def _properties() -> list[tuple[str, str]]:
    rows = Property.objects.filter(is_listed=True).order_by("id")
    return [
        ("", "—"),
        *(
            (
                row.code,
                gettext("%(name)s（%(unit)s）") % {"name": row.name, "unit": row.unit or row.code},
            )
            for row in rows
        ),
    ]


def _plain(value: float | None) -> float | int | None:
    """150 rather than 150.0, as a person would have typed it."""
    return int(value) if value is not None and value.is_integer() else value


class RuleForm(forms.Form):
    """The wording of a rule, in minutes rather than seconds."""

    name = forms.CharField(
        label=_("名称"), max_length=60, help_text=_("写给值班员看，如：PM2.5 小时均值达到预警值")
    )
    test = forms.ChoiceField(label=_("判断方式"), choices=AlertRule.Test.choices)
    property_code = forms.ChoiceField(label=_("监测项目"), choices=_properties, required=False)
    period = forms.ChoiceField(label=_("用哪种数据"), choices=Kind.choices, initial=Kind.HOUR)
    comparison = forms.ChoiceField(label=_("比较"), choices=AlertRule.Comparison.choices)
    threshold = forms.FloatField(
        label=_("预警值"),
        required=False,
        help_text=_("空气质量指数填级别的起点，如四级填 151；变化过快时，升高填正数，下降填负数"),
    )
    clear_threshold = forms.FloatField(
        label=_("解除值"),
        required=False,
        help_text=_("比预警值宽松一些，避免在预警值上下反复；留空即预警值"),
    )
    for_minutes = forms.IntegerField(
        label=_("持续多少分钟才预警"), min_value=0, max_value=10_080, initial=0, required=False
    )
    window_minutes = forms.IntegerField(
        label=_("变化按多少分钟算"), min_value=1, max_value=10_080, initial=60, required=False
    )
    severity = forms.ChoiceField(label=_("级别"), choices=Severity.choices, initial="WARNING")
    medium = forms.ChoiceField(
        label=_("适用设备类别"), choices=[("", _("全部")), *Medium.choices], required=False
    )
    device_mns = forms.CharField(
        label=_("仅适用设备"),
        required=False,
        help_text=_("设备编号，用空格或逗号分开；留空则适用于该类别的全部设备"),
    )
    source = forms.CharField(label=_("依据"), max_length=200, required=False)
    enabled = forms.BooleanField(label=_("启用"), required=False, initial=True)
    note = forms.CharField(
        label=_("修改说明"), max_length=200, required=False, help_text=_("为什么改，会留在历史里")
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def wording(self) -> RuleWording:
        """What `actions.save_rule` takes."""
        data = self.cleaned_data
        mns = str(data["device_mns"]).replace(",", " ").replace("，", " ").replace("、", " ")
        return RuleWording(
            name=data["name"],
            test=data["test"],
            property_code=data["property_code"] if data["test"] in ("THRESHOLD", "RATE") else "",
            period=data["period"],
            comparison=data["comparison"],
            threshold=None if data["test"] == "SILENCE" else data["threshold"],
            clear_threshold=None if data["test"] == "SILENCE" else data["clear_threshold"],
            for_seconds=60 * (data["for_minutes"] or 0),
            window_seconds=60 * (data["window_minutes"] or 60),
            severity=data["severity"],
            medium=data["medium"],
            device_mns=tuple(sorted(set(mns.split()))),
            source=data["source"],
            enabled=data["enabled"],
        )

    @classmethod
    def initial_of(cls, rule: AlertRule) -> dict[str, Any]:
        return {
            "name": rule.name,
            "test": rule.test,
            "property_code": rule.property.code if rule.property else "",
            "period": rule.period,
            "comparison": rule.comparison,
            "threshold": _plain(rule.threshold),
            "clear_threshold": _plain(rule.clear_threshold),
            "for_minutes": rule.for_seconds // 60,
            "window_minutes": rule.window_seconds // 60,
            "severity": rule.severity,
            "medium": rule.medium,
            "device_mns": " ".join(device.mn for device in rule.devices.all()),
            "source": rule.source,
            "enabled": rule.enabled,
            "version": rule.version,
        }
