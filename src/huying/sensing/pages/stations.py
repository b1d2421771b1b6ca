"""/sensing/: what the devices say now, one device with its chart, alerts."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from huying.directory import queries as directory
from huying.directory.pages.access import requires
from huying.directory.permissions import DomainError, Permission
from huying.directory.queries import actor_of
from huying.sensing import actions, queries
from huying.sensing.models import AlertRule, Device, Property
from huying.sensing.models.devices import Medium
from huying.sensing.pages.forms import DeviceEditForm, DeviceForm, MaintenanceForm

PAGE: Final = 100
COLUMNS: Final = 6
# What comes first where there is room for a few columns only.
_FIRST: Final = ("a34004", "a34002", "a21026", "a21004", "a21005", "a05024", "w01001", "Leq")
_RANGES: Final = (
    (1, gettext_lazy("24 小时")),
    (7, gettext_lazy("7 天")),
    (30, gettext_lazy("30 天")),
)
_LEVELS: Final = ("EXCELLENT", "GOOD", "LIGHT", "MODERATE", "HEAVY", "SEVERE")


def _silent(row: queries.StationRow, now: datetime) -> bool:
    return row.last_heard_at is not None and now - row.last_heard_at > timedelta(hours=2)


def _state(row: queries.StationRow, now: datetime) -> tuple[str, str]:
    """(words, tag class): the one thing to know about a device."""
    if not row.enabled:
        return _("已停用"), ""
    if row.open_alerts:
        return _("正在预警"), "hy-tag-danger"
    if row.last_heard_at is None:
        return _("尚未接入"), ""
    if _silent(row, now):
        return _("没有数据"), "hy-tag-soon"
    if row.flooded_at and now - row.flooded_at < timedelta(hours=1):
        return _("发送过多"), "hy-tag-soon"
    return _("正常"), "hy-tag-done"


def _clock_words(row: queries.StationRow) -> str:
    """How far off a device's clock is, and what became of setting it; empty if there is nothing
    to do about it."""
    off = _("设备时钟与服务器相差较大，数据按设备报的时间保存。") if row.drift_seconds else ""
    code = {"code": row.clock_code}
    match row.clock_result:
        case "REFUSED":
            return (
                off + _("设备拒绝对时命令（QnRtn=%(code)s），请核对访问密码，或到现场校准。") % code
            )
        case "FAILED":
            return off + _("设备执行对时命令失败（ExeRtn=%(code)s），请到现场校准。") % code
        case "NO_ANSWER":
            return off + _("对时命令发了 4 次，设备没有应答，请到现场校准。")
        case "SENT" if off:
            return off + _("已下发对时命令，等待设备应答。")
        case "ACCEPTED" if off:
            return off + _("设备已接受对时命令。")
        case "DONE" if off:
            return off + _("设备报告对时成功，但时钟仍然不准，请到现场检查。")
    return off and off + _("设备不支持远程对时，请到现场校准。")


def _level(row: queries.StationRow) -> int:
    return _LEVELS.index(row.aqi.level.value) + 1 if row.aqi else 0


def _columns(rows: Sequence[queries.StationRow]) -> list[queries.LatestValue]:
    """The properties worth a column: the usual first, then the most common. Where devices of
    several kinds stand together, those of the most common kind; the others say theirs in words."""
    common = Counter(row.kind for row in rows if row.values).most_common(1)
    rows = [row for row in rows if common and row.kind == common[0][0]]
    counts = Counter(value.code for row in rows for value in row.values)
    facts = {value.code: value for row in rows for value in row.values}
    order = sorted(
        counts,
        key=lambda code: (
            _FIRST.index(code) if code in _FIRST else len(_FIRST),
            -counts[code],
            code,
        ),
    )
    return [facts[code] for code in order[:COLUMNS]]


@require_safe
@requires(Permission.SENSING_VIEW)
def index(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    kind = request.GET.get("kind", "")
    kind = kind if kind in Medium.values else ""
    after = request.GET.get("after", "")
    rows = queries.latest_values(
        actor, kind=kind, after_id=int(after) if after.isdigit() else 0, limit=PAGE
    )
    now = timezone.now()
    columns = _columns(rows)
    names = directory.division_names({row.division_code for row in rows if row.division_code})
    lines = []
    for row in rows:
        words, tag = _state(row, now)
        lines.append(
            {
                "row": row,
                "place": names.get(row.division_code or "", ""),
                "cells": [row.value(column.code) for column in columns],
                "elsewhere": bool(row.values) and not any(row.value(c.code) for c in columns),
                "state": words,
                "tag": tag,
                "level": _level(row),
                "silent": _silent(row, now),
            }
        )
    following = urlencode({"kind": kind, "after": rows[-1].device_id}) if len(rows) == PAGE else ""
    context = {
        "lines": lines,
        "columns": columns,
        "kind": kind,
        "kinds": Medium.choices,
        "has_aqi": any(line["level"] for line in lines),
        "alerts": queries.open_alerts(actor, limit=20),
        "may_manage": actor.may(Permission.SENSING_MANAGE),
        "page": {"next_url": f"?{following}" if following else ""},
    }
    return render(request, "sensing/index.html", context)


def _visible(request: HttpRequest, mn: str) -> queries.StationRow:
    rows = queries.latest_values(actor_of(request), mn=mn, limit=1)
    if not rows:
        raise Http404
    return rows[0]


@require_safe
@requires(Permission.SENSING_VIEW)
def device(request: HttpRequest, mn: str) -> HttpResponse:
    row = _visible(request, mn)
    return render(request, "sensing/device.html", _device_context(request, row))


def _device_context(
    request: HttpRequest, row: queries.StationRow, form: MaintenanceForm | None = None
) -> dict[str, Any]:
    actor = actor_of(request)
    days = _days(request)
    chosen = _chosen(request, row)
    words, tag = _state(row, timezone.now())
    place = directory.division_names({row.division_code} if row.division_code else set())
    return {
        "station": row,
        "kind_label": dict(Medium.choices).get(row.kind, row.kind),
        "place": place.get(row.division_code or "", ""),
        "state": words,
        "tag": tag,
        "clock": _clock_words(row),
        "level": _level(row),
        "chosen": chosen,
        "days": days,
        "ranges": _RANGES,
        "alerts": queries.alert_list(actor, device_mn=row.mn, limit=20),
        "windows": queries.coming_maintenance(row.device_id),
        "may_manage": actor.may(Permission.SENSING_MANAGE),
        "form": form or MaintenanceForm(),
    }


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days, _label in _RANGES} else 1


def _chosen(request: HttpRequest, row: queries.StationRow) -> queries.LatestValue | None:
    asked = row.value(request.GET.get("property", ""))
    return asked or next(iter(_columns([row])), None)


@require_safe
@requires(Permission.SENSING_VIEW)
def chart(request: HttpRequest, mn: str) -> HttpResponse:
    """Hourly means of one property up to the newest, as components/chart.html takes them."""
    row = _visible(request, mn)
    code = request.GET.get("property", "")
    observed = Property.objects.filter(code=code).first()
    if observed is None:
        raise Http404
    until = (row.at or timezone.now()) + timedelta(hours=1)
    begin = until - timedelta(days=_days(request))
    hours = queries.station_hours(row.device_id, since=begin, until=until, codes=[code])
    body: dict[str, Any] = {
        "type": "line",
        "unit": observed.unit,
        "x_label": _("时间"),
        "x": [timezone.localtime(hour.at).strftime("%m-%d %H:%M") for hour in hours],
        "series": [
            {
                "name": observed.name,
                "role": "main",
                "values": [round(hour.means[code], observed.decimals + 1) for hour in hours],
            }
        ],
    }
    threshold = queries.threshold_of(code, period="HOUR", device_id=row.device_id, kind=row.kind)
    if threshold is not None:
        body["threshold"] = {"value": threshold, "label": _("预警值")}
    return JsonResponse(body)


@require_safe
@requires(Permission.SENSING_VIEW)
def alerts(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    before = request.GET.get("before", "")
    only_open = request.GET.get("open") == "1"
    rule = AlertRule.objects.filter(code=request.GET.get("rule", "")).first()
    rule_code = rule.code if rule else ""
    rows = queries.alert_list(
        actor,
        is_open=True if only_open else None,
        rule_code=rule_code,
        before_id=int(before) if before.isdigit() else None,
        limit=50,
    )
    query = {"open": "1" if only_open else "", "rule": rule_code}
    following = urlencode({**query, "before": rows[-1].id}) if len(rows) == 50 else ""
    context = {
        "alerts": rows,
        "only_open": only_open,
        "rule": rule,
        "rule_code": rule_code,
        "page": {"next_url": f"?{following}" if following else ""},
    }
    return render(request, "sensing/alerts.html", context)


@require_http_methods(["GET", "POST"])
@requires(Permission.SENSING_MANAGE)
def register(request: HttpRequest) -> HttpResponse:
    form = DeviceForm(request.POST or None, initial={"mn": request.GET.get("mn", "")})
    if request.method == "POST" and form.is_valid():
        new = form.device()
        try:
            actions.register_devices(devices=[new], by=actor_of(request))
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("设备已登记，马上就能接收数据"))
            return redirect("sensing_device", mn=new.mn)
    status = 422 if form.errors else 200
    return render(request, "sensing/register.html", {"form": form}, status=status)


@require_http_methods(["GET", "POST"])
@requires(Permission.SENSING_MANAGE)
def edit(request: HttpRequest, mn: str) -> HttpResponse:
    station = _visible(request, mn)
    row = Device.objects.get(mn=mn)
    form = DeviceEditForm(request.POST or None, initial=DeviceEditForm.initial_of(row))
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_device(mn=mn, by=actor_of(request), **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("已保存，从下一批数据起生效"))
            return redirect("sensing_device", mn=mn)
    context = {"station": station, "form": form}
    status = 422 if form.errors else 200
    return render(request, "sensing/edit.html", context, status=status)


@require_POST
@requires(Permission.SENSING_MANAGE)
def maintenance(request: HttpRequest, mn: str) -> HttpResponse:
    row = _visible(request, mn)
    form = MaintenanceForm(request.POST)
    if form.is_valid():
        actions.plan_maintenance(mn=mn, by=actor_of(request), **form.cleaned_data)
        messages.success(request, _("已登记，这段时间不预警，数据照常保存"))
        return redirect("sensing_device", mn=mn)
    context = _device_context(request, row, form)
    return render(request, "sensing/device.html", context, status=422)
