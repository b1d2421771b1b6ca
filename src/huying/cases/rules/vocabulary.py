"""Stored codes of this room and the words people read for them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Urgency(models.TextChoices):
    """How soon a person must look at it."""

    NORMAL = "NORMAL", _("一般")
    URGENT = "URGENT", _("紧急")
    EMERGENCY = "EMERGENCY", _("特急")


class Kind(models.TextChoices):
    """What a resident wants (GB/T 33358-2016, with 表扬 as many places add)."""

    CONSULTATION = "CONSULTATION", _("咨询")
    HELP = "HELP", _("求助")
    COMPLAINT = "COMPLAINT", _("投诉")
    TIP_OFF = "TIP_OFF", _("举报")
    SUGGESTION = "SUGGESTION", _("建议")
    PRAISE = "PRAISE", _("表扬")


class Channel(models.TextChoices):
    """How a report came in."""

    WEB = "WEB", _("网上")
    PHONE = "PHONE", _("电话")
    COUNTER = "COUNTER", _("窗口")
    PAPER = "PAPER", _("来信")
    OPEN311 = "OPEN311", _("第三方应用")
    API = "API", _("系统对接")
    GRID = "GRID", _("网格员")
    HOTLINE = "HOTLINE", _("12345 热线")


# Taken down by somebody else than the person who speaks: needs the permission to record.
RECORDED_CHANNELS = frozenset(
    {Channel.PHONE, Channel.COUNTER, Channel.PAPER, Channel.GRID, Channel.HOTLINE}
)


class Outcome(models.TextChoices):
    """How a case ended."""

    SOLVED = "SOLVED", _("已解决")
    PARTLY_SOLVED = "PARTLY_SOLVED", _("部分解决")
    EXPLAINED = "EXPLAINED", _("已解释说明")
    UNFOUNDED = "UNFOUNDED", _("不属实")
    REPEATED = "REPEATED", _("重复诉求")
    COLLECTIVE = "COLLECTIVE", _("集体访")
    ESCALATED = "ESCALATED", _("提级办理")
    MASS_INCIDENT = "MASS_INCIDENT", _("群体性事件")
    WITHDRAWN = "WITHDRAWN", _("本人撤回")
    TRANSFERRED = "TRANSFERRED", _("转其他途径")


class Rating(models.TextChoices):
    """Five levels of 好差评 (GB/T 39735-2020); the last two owe a callback and a remedy."""

    VERY_SATISFIED = "VERY_SATISFIED", _("非常满意")
    SATISFIED = "SATISFIED", _("满意")
    FAIRLY_SATISFIED = "FAIRLY_SATISFIED", _("基本满意")
    DISSATISFIED = "DISSATISFIED", _("不满意")
    VERY_DISSATISFIED = "VERY_DISSATISFIED", _("非常不满意")


BAD_RATINGS = frozenset({Rating.DISSATISFIED, Rating.VERY_DISSATISFIED})


class ReportState(models.TextChoices):
    """Where one person's report stands, apart from the case it belongs to."""

    RECEIVED = "RECEIVED", _("待答复")
    ANSWERED = "ANSWERED", _("已答复")
    RATED = "RATED", _("已评价")
    CALLBACK = "CALLBACK", _("待回访")
    WITHDRAWN = "WITHDRAWN", _("已撤回")


class AttachmentKind(models.TextChoices):
    """What an attached file is."""

    PHOTO = "PHOTO", _("照片")
    SCAN = "SCAN", _("扫描件")
    DOCUMENT = "DOCUMENT", _("文件")


MERGED = "MERGED"
"""State of a case whose reports went into another; stands outside every procedure."""
