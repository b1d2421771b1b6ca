"""Why something was not taken: a stable code, and what to tell the operator in both languages."""

from collections.abc import Mapping
from typing import Final

# code: (short label, what happened and what to do; zh, en). Braces are filled from the detail.
REASONS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "CRC_WRONG": (
        "校验码不符", "CRC mismatch",
        "CRC 校验不符，数据可能在传输中损坏，或设备的校验算法有误。请让设备重发，并核对算法。",
        "The CRC does not match: damaged on the way, or the device computes it otherwise.",
    ),
    "LENGTH_WRONG": (
        "长度不符", "Wrong length",
        "包头声明的长度与数据段实际长度不符。请检查数采仪的组包程序。",
        "The length in the header is not that of the segment: check how the logger packs.",
    ),
    "TRUNCATED": (
        "报文不完整", "Truncated",
        "只收到报文的前半部分。设备补传后，这一条可标为不采用。",
        "Only the beginning of a frame came. Once it is re-sent this can be dismissed.",
    ),
    "JUNK": (
        "无法识别的内容", "Junk",
        "两条报文之间夹有无法识别的字节，已跳过。请检查数采仪的输出或线路干扰。",
        "Bytes between frames belong to neither; skipped. Check the logger and the line.",
    ),
    "NOT_READABLE": (
        "格式错误", "Not readable",
        "报文缺少必要字段或格式不对，应含 ST、CN、MN 和 CP=&&…&&。",
        "A field is missing or malformed: ST, CN, MN and CP=&&…&& are needed.",
    ),
    "QN_WRONG": (
        "请求编号错误", "Wrong QN",
        "请求编号 QN 应为 17 位时间。",
        "QN must be a time of 17 digits.",
    ),
    "ST_WRONG": (
        "系统编码错误", "Wrong ST",
        "系统编码 ST 应为 2 位数字。",
        "ST must have 2 digits.",
    ),
    "CN_WRONG": (
        "命令编码错误", "Wrong CN",
        "命令编码 CN 应为 4 位数字。",
        "CN must have 4 digits.",
    ),
    "MN_WRONG": (
        "设备编号错误", "Wrong MN",
        "设备编号 MN 为空或过长。",
        "MN is empty or too long.",
    ),
    "FLAG_WRONG": (
        "应答标志错误", "Wrong Flag",
        "拆分包及应答标志 Flag 不对，或与 PNUM、PNO 不符。",
        "Flag is wrong or does not agree with PNUM and PNO.",
    ),
    "PACKETS_MISSING": (
        "分包不全", "Missing packets",
        "分包报文没有收齐。请让设备补传。",
        "Some packets of the message never came; let the device send it again.",
    ),
    "MALFORMED": (
        "格式错误", "Malformed",
        "内容格式不对：{problem}",
        "The content is malformed: {problem}",
    ),
    "UNKNOWN_COMMAND": (
        "命令编码不支持", "Unknown command",
        "命令编码 CN={cn} 不在支持范围内。",
        "The command CN={cn} is not supported.",
    ),
    "BAD_TIME": (
        "时间错误", "Bad time",
        "时间“{time}”不是有效的年月日时分秒。",
        "“{time}” is not a valid time.",
    ),
    "FUTURE": (
        "时间超前", "From the future",
        "数据时间比服务器时间超前 10 分钟以上（{time}）。请校准设备时钟后重新入库。",
        "Dated more than 10 minutes ahead ({time}). Set the device's clock, then replay.",
    ),
    "TOO_OLD": (
        "时间过早", "Too old",
        "数据时间早于 2005 年（{time}），应为设备时钟错误。",
        "Dated before 2005 ({time}): the device's clock must be wrong.",
    ),
    "UNKNOWN_DEVICE": (
        "设备未登记", "Unknown device",
        "设备编号 {mn} 尚未登记。登记后可重新入库，数据不会丢失。",
        "The device {mn} is not registered. Register it, then replay: nothing is lost.",
    ),
    "DEVICE_DISABLED": (
        "设备已停用", "Device disabled",
        "设备 {mn} 已停用。重新启用后可重新入库。",
        "The device {mn} is disabled. Enable it, then replay.",
    ),
    "WRONG_PASSWORD": (
        "访问密码错误", "Wrong password",
        "设备 {mn} 的访问密码与登记的不一致。核对后可重新入库。",
        "The password of {mn} is not the registered one. Mend either, then replay.",
    ),
    "WRONG_KEY": (
        "解密失败", "Cannot decrypt",
        "设备 {mn} 的密文无法解开，请核对 SM4 密钥。",
        "What {mn} sent does not decrypt: check its SM4 key.",
    ),
    "KEY_REFUSED": (
        "不接受在线换密钥", "Key not taken",
        "设备 {mn} 用 CN=1014 发来新密钥，未采用，也未保存。请在设备页面登记密钥。",
        "{mn} sent a new key (CN=1014), which was neither taken nor kept: set it on its page.",
    ),
    "FLOOD": (
        "发送过于频繁", "Flood",
        "设备 {mn} 每分钟报文数超过上限 {limit}，超出部分未入库。其他设备不受影响。",
        "{mn} sends more than {limit} frames a minute; the excess was not stored. "
        "Other devices are not affected.",
    ),
    "NOT_A_NUMBER": (
        "不是数值", "Not a number",
        "{code} 的值“{value}”不是数值。",
        "The value “{value}” of {code} is not a number.",
    ),
    "NEGATIVE": (
        "负值", "Negative",
        "{code} 的值 {value} {unit} 为负，不可能出现。可能是零点漂移，请校准仪器。",
        "{value} {unit} of {code} is negative, which cannot be: zero drift?",
    ),
    "ABSURD": (
        "数值超出合理范围", "Absurd value",
        "{code} 的值 {value} {unit} 超出合理范围 {minimum}–{maximum}。请核对设备和上报单位。",
        "{value} {unit} of {code} is outside {minimum}–{maximum}: check device and unit.",
    ),
    "UNKNOWN_FIELD": (
        "字段无法识别", "Unknown field",
        "字段“{field}”无法识别，报文中其余数据已入库。",
        "The field “{field}” is not understood; the rest of the frame was stored.",
    ),
    "UNKNOWN_UNIT": (
        "单位无法换算", "Unknown unit",
        "{code} 的单位“{unit}”无法换算为 {stored}。",
        "The unit “{unit}” of {code} cannot be converted to {stored}.",
    ),
    "CONFLICT": (
        "与已收数据不一致", "Conflict",
        "{code} 在同一时间已有数值 {stored}，新值 {value} 未覆盖。请核实以哪个为准。",
        "{code} already has the value {stored} for this time; {value} did not replace it.",
    ),
    "NOT_STORED": (
        "入库失败", "Not stored",
        "入库时出错（{problem}），已原样保存。请告知系统管理员，排除后重新入库。",
        "Storing it failed ({problem}); it was kept as it came. Tell the administrator.",
    ),
    "TOO_MANY_CODES": (
        "未登记编码过多", "Too many new codes",
        "设备发来过多未登记的监测项目编码（{code}），未自动建档。",
        "Too many unlisted property codes ({code}); no entry was made.",
    ),
}  # fmt: skip


class _Detail(dict[str, object]):
    """What a sentence asks for; an old row may lack what a newer sentence mentions."""

    def __missing__(self, key: str) -> str:
        return "—"


def _filled(template: str, detail: Mapping[str, object]) -> str:
    return template.format_map(_Detail((key, _readable(value)) for key, value in detail.items()))


def _readable(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else value


def label(reason: str, language: str = "zh") -> str:
    """A few words: for lists and filters."""
    zh, en, _zh, _en = REASONS.get(reason, (reason, reason, "", ""))
    return en if language.startswith("en") else zh


def sentence(reason: str, detail: Mapping[str, object], language: str = "zh") -> str:
    """What happened and what to do about it."""
    if reason not in REASONS:
        return reason
    _zh, _en, zh, en = REASONS[reason]
    return _filled(en if language.startswith("en") else zh, detail)
