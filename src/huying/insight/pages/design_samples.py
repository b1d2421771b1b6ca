"""Made-up contents of the design page; its proof and its QR code are real ones."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

_WEST, _SOUTH, _STEP = 113.60, 34.40, 0.02
_ROWS, _COLUMNS = 6, 8
_ORIGIN = "huying.example/990101"


@dataclass(frozen=True)
class SampleClock:
    """A clock as components/clock_chip.html takes it."""

    label: str
    state: str
    due_at: datetime | None
    article: str = ""
    limit: str = ""
    started_at: datetime | None = None
    provisional: bool = False
    reason: str = ""


def clocks(now: datetime) -> list[SampleClock]:
    """One clock in each state."""
    article = _("《政府热线服务规范》第 6.3 条")
    days = _("3 个工作日")
    return [
        SampleClock(
            _("答复"), "ON_TIME", now + timedelta(days=3), article, days, now - timedelta(hours=5)
        ),
        SampleClock(_("到场核实"), "SOON", now + timedelta(minutes=42), article, _("2 小时")),
        SampleClock(_("签收"), "OVERDUE", now - timedelta(days=2), article, _("4 小时")),
        SampleClock(
            _("办理"), "WAITING", None, article, days, reason=_("等您补充照片，补齐后接着算")
        ),
        SampleClock(_("受理"), "STOPPED", now - timedelta(days=1), article, days),
        SampleClock(
            _("办理"), "ON_TIME", now + timedelta(days=52), article, _("60 日"), provisional=True
        ),
    ]


def steps(now: datetime) -> list[dict[str, Any]]:
    """A report's way, newest first."""
    return [
        {"state": "NEXT", "title": _("市政所 3 天内答复您"), "by": _("到时会发短信给您")},
        {
            "state": "NOW",
            "title": _("市政所已派人到现场"),
            "by": _("市政所 李师傅"),
            "at": now - timedelta(minutes=35),
            "note": _("井盖边沿开裂，已先围起来，下午换新的。"),
        },
        {
            "state": "DONE",
            "title": _("已转给城关镇市政所"),
            "by": _("综治中心"),
            "at": now - timedelta(hours=2),
            "article": _("权责清单第 41 项"),
        },
        {
            "state": "DONE",
            "title": _("已收到您的反映"),
            "by": _("12 号窗口 代为登记"),
            "at": now - timedelta(hours=3),
        },
    ]


def receipt(now: datetime) -> dict[str, Any]:
    """A receipt with a real QR code."""
    return {
        "number": "7K2M-Q9XD-4RTE",
        "title": _("文化路与新华街路口井盖破损"),
        "place": _("城关镇 文化社区 第三网格"),
        "unit": _("城关镇市政所"),
        "at": now - timedelta(hours=3),
        "due": _("11月25日 24:00 前"),
        "qr_svg": qr("https://huying.example/r/7K2MQ9XD4RTE"),
        "verify_url": "#proof-sample",
        "sealed": True,
    }


def qr(text: str) -> SafeString:
    """An inline SVG of a QR code, without style attributes."""
    code = segno.make(text, error="m")
    return mark_safe(  # noqa: S308 - segno draws it, the text is not markup
        code.svg_inline(border=0, omitsize=True, svgclass=None, lineclass=None)
    )


def rows(now: datetime) -> list[dict[str, Any]]:
    """Lines of a desk's queue."""
    sample = clocks(now)
    titles = [
        (_("红旗路夜间渣土车未盖篷布，扬尘大"), _("城关镇 红旗社区"), _("城管局"), 26),
        (_("PM2.5 小时值达到预警值 168 µg/m³，请现场核实"), _("柳河乡 柳河村"), _("环保局"), 1),
        (_("文化路与新华街路口井盖破损"), _("城关镇 文化社区"), _("市政所"), 3),
        (_("村口变压器旁电线垂落，孩子上学经过"), _("石桥镇 东岗村"), _("供电所"), 9),
        (_("老旧小区加装电梯，二楼住户不同意"), _("城关镇 光明社区"), _("住建局"), 74),
        (_("河道里漂着大片死鱼，有异味"), _("沙河乡 下湾村"), _("水利局"), 5),
    ]
    return [
        {
            "clock": sample[position % len(sample)],
            "title": title,
            "place": place,
            "unit": unit,
            "at": now - timedelta(hours=hours),
        }
        for position, (title, place, unit, hours) in enumerate(titles)
    ]


def grids() -> dict[str, Any]:
    """A small county of grids with open matters and those late."""
    features = []
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            west, south = _WEST + column * _STEP, _SOUTH + row * _STEP
            # Corners are shifted by a fixed pattern: a county is no chessboard.
            corners = [_corner(column, row), _corner(column + 1, row)]
            corners += [_corner(column + 1, row + 1), _corner(column, row + 1)]
            number = row * _COLUMNS + column
            if number % 11 == 10:
                corners[2] = (west + _STEP * 0.7, south + _STEP * 0.8)
            features.append(
                {
                    "type": "Feature",
                    "geometry": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]},
                    "properties": {
                        "name": _("第 %(n)s 网格") % {"n": number + 1},
                        "short_name": str(number + 1),
                        "open": (number * number * 7 + number) % 13 % 8,
                        "late": (number * 5 + 3) % 9 // 6,
                    },
                }
            )
    return {"type": "FeatureCollection", "features": features}


def _corner(column: int, row: int) -> tuple[float, float]:
    shift = ((column * 37 + row * 61) % 7 - 3) * _STEP * 0.07
    return (round(_WEST + column * _STEP + shift, 6), round(_SOUTH + row * _STEP - shift, 6))


def alerts() -> dict[str, Any]:
    """Three points of the sample map, one of each level."""
    points = [
        (_WEST + 3.4 * _STEP, _SOUTH + 2.5 * _STEP, "OVERDUE", _("柳河站 PM2.5"), "168 µg/m³"),
        (_WEST + 5.6 * _STEP, _SOUTH + 4.3 * _STEP, "SOON", _("东岗站 PM2.5"), "131 µg/m³"),
        (_WEST + 1.5 * _STEP, _SOUTH + 4.6 * _STEP, "NORMAL", _("城关站 PM2.5"), "42 µg/m³"),
    ]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": {"name": name, "words": words, "level": level},
            }
            for lon, lat, level, name, words in points
        ],
    }


def line_chart() -> dict[str, Any]:
    """A polluted evening against the threshold of the rule."""
    values = [38, 41, 40, 44, 52, 61, 74, 88, 103, 121, 139, 152, 168, 161, 143, 118, 92, 71]
    background = [36, 36, 37, 38, 40, 43, 47, 52, 58, 63, 69, 72, 74, 73, 70, 64, 57, 50]
    return {
        "type": "line",
        "unit": "µg/m³",
        "x_label": _("时间"),
        "x": [f"{hour:02d}:00" for hour in range(6, 24)],
        "series": [
            {"name": _("柳河站 PM2.5"), "values": values, "role": "main"},
            {"name": _("全县平均"), "values": background, "role": "reference"},
        ],
        "threshold": {"value": 150, "label": _("预警值 150")},
    }


def bar_chart() -> dict[str, Any]:
    """Matters by unit."""
    return {
        "type": "bar",
        "unit": _("件"),
        "x_label": _("承办单位"),
        "x": [_("住建局"), _("城管局"), _("环保局"), _("交通局"), _("水利局")],
        "series": [
            {"name": _("按时"), "values": [412, 366, 201, 154, 97], "role": "main"},
            {"name": _("超期"), "values": [9, 14, 2, 5, 1], "role": "overdue"},
        ],
        "stacked": True,
    }


def proof() -> dict[str, Any]:
    """A proof that verifies: five entries, a key made now, a signed checkpoint (RFC 6962, C2SP)."""
    entries = [
        json.dumps({"kind": "report.received", "subject": f"report:{n}"}).encode() for n in range(5)
    ]
    leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]
    left, right = _node(leaves[0], leaves[1]), _node(leaves[2], leaves[3])
    root = _node(_node(left, right), leaves[4])
    text = f"{_ORIGIN}\n5\n{base64.b64encode(root).decode()}\n"
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = hashlib.sha256(f"{_ORIGIN}\n".encode() + b"\x01" + public).digest()[:4]
    signature = base64.b64encode(key_id + key.sign(text.encode())).decode()
    return {
        "entry": base64.b64encode(entries[2]).decode(),
        "index": 2,
        "size": 5,
        "hashes": [base64.b64encode(h).decode() for h in (leaves[3], left, leaves[4])],
        "root": base64.b64encode(root).decode(),
        "checkpoint": f"{text}\n— {_ORIGIN} {signature}\n",
        "public_key": base64.b64encode(public).decode(),
        "origin": _ORIGIN,
    }


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
