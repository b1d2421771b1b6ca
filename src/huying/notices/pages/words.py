"""What the pages say for the stored words."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

TOPICS: Final[dict[str, tuple[str | Promise, str | Promise]]] = {
    "case": (_("事项办理"), _("派给您或本单位的事项、退回、督办、办结")),
    "report": (_("群众诉求"), _("新的诉求、补充、评价、需要回访")),
    "alert": (_("监测预警"), _("空气、水质、噪声等监测点达到预警值")),
    "clock": (_("期限提醒"), _("快到期、已到期、已超期")),
    "system": (_("系统运行"), _("设备离线、备份、数据待核")),
}

CHANNELS: Final[dict[str, str | Promise]] = {
    "INBOX": _("站内消息"),
    "WEB_PUSH": _("手机推送"),
    "APPRISE": _("政务微信、钉钉、短信或邮件"),
    "DEMO": _("演示渠道"),
}

DELIVERY_STATES: Final[dict[str, str | Promise]] = {
    "PENDING": _("待发送"),
    "SENT": _("已送达"),
    "FAILED": _("没有发成，稍后再试"),
    "DEAD": _("未能送达"),
    "SKIPPED": _("您已读，不再发送"),
}

_REASONS: Final[dict[str, str | Promise]] = {
    "UNREACHABLE": _("连不上对方的服务"),
    "TIMEOUT": _("对方的服务没有及时应答"),
    "NOT_TAKEN": _("渠道没有接收，请核对渠道地址和网络"),
    "ADDRESS_NOT_UNDERSTOOD": _("渠道地址无法识别，请重新填写"),
    "ADDRESS_GONE": _("对方已关闭提醒，地址失效"),
    "INTERRUPTED": _("发送时程序多次中断"),
    "HTTP_400": _("推送服务认为内容有误"),
    "HTTP_401": _("推送服务不认可本站的密钥"),
    "HTTP_403": _("推送服务不认可本站的密钥"),
    "HTTP_404": _("对方已关闭提醒，地址失效"),
    "HTTP_410": _("对方已关闭提醒，地址失效"),
    "HTTP_413": _("内容太长，推送服务不收"),
    "HTTP_429": _("发得太密，被推送服务限流"),
    "DEMO_FAILED": _("演示渠道按设定失败"),
    "DEMO_REFUSED": _("演示渠道按设定拒收"),
}


def reason(code: str) -> str:
    """Why a delivery failed, for an operator."""
    known = _REASONS.get(code)
    if known is not None:
        return str(known)
    if code.startswith("HTTP_5"):
        return gettext("对方的服务出了故障")
    return gettext("程序出错（%(code)s），请告诉维护人员") % {"code": code}
