"""Who was told what, through which channel, and what became of it."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from huying.directory.vault import SealedField
from huying.notices.rules.vocabulary import (
    ChannelCode,
    DeliveryState,
    EscalationStep,
    Urgency,
)

URGENCIES = [
    (Urgency.NORMAL.value, _("一般")),
    (Urgency.URGENT.value, _("紧急")),
    (Urgency.EMERGENCY.value, _("特急")),
]
CHANNELS = [
    (ChannelCode.INBOX.value, _("站内消息")),
    (ChannelCode.WEB_PUSH.value, _("手机推送")),
    (ChannelCode.APPRISE.value, _("政务微信、钉钉、短信或邮件")),
    (ChannelCode.DEMO.value, _("演示渠道（专门用来失败）")),
]
STATES = [
    (DeliveryState.PENDING.value, _("待发送")),
    (DeliveryState.SENT.value, _("已送达")),
    (DeliveryState.FAILED.value, _("发送失败，稍后重试")),
    (DeliveryState.DEAD.value, _("未能送达")),
    (DeliveryState.SKIPPED.value, _("已读，不再发送")),
]
STEPS = [
    (EscalationStep.NEXT_CHANNEL.value, _("换渠道再次提醒")),
    (EscalationStep.NEXT_PERSON.value, _("转给下一位值班人员")),
    (EscalationStep.NOBODY_LEFT.value, _("已无可转的人员")),
]


class TransactionId(models.BigIntegerField):  # type: ignore[type-arg] # generic only in the stubs
    """PostgreSQL's xid8: the 64-bit id, never used twice, of the transaction that wrote a row."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: str | None, *_: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(value)


class CurrentTransactionId(Func):
    function = "pg_current_xact_id"
    arity = 0
    output_field = TransactionId()


class Notice(models.Model):
    """One person told of one matter. Being committed is being delivered to the inbox.

    `title` and `body` are read in the inbox, signed in; `glance_title` and `glance_body` are
    what other channels carry out of the platform.
    """

    account = models.ForeignKey("directory.Account", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=60)
    urgency = models.CharField(max_length=10, choices=URGENCIES)
    title = models.CharField(max_length=200)
    body = models.TextField()
    glance_title = models.CharField(max_length=200)
    glance_body = models.CharField(max_length=300)
    link = models.CharField(max_length=300)
    subject = models.CharField(max_length=80)
    sent_by = models.CharField(max_length=80)
    batch = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)
    escalate_to = ArrayField(models.BigIntegerField(), default=list)
    escalate_at = models.DateTimeField(null=True)
    escalated_steps = models.PositiveSmallIntegerField(default=0)
    escalated_from = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    trace_id = models.UUIDField(null=True, help_text="its delivery is logged under this")
    # Ids are drawn before the commit, so a higher id may become visible first; a stream
    # resumes by the transaction, not by the id.
    tx = TransactionId(db_default=CurrentTransactionId())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(urgency__in=[word.value for word in Urgency]),
                name="notice_urgency_known",
            ),
            models.CheckConstraint(
                condition=~Q(kind="") & ~Q(title="") & ~Q(glance_title=""),
                name="notice_says_something",
            ),
            models.CheckConstraint(
                condition=Q(read_at=None) | Q(escalate_at=None), name="notice_read_is_not_escalated"
            ),
        ]
        indexes = [
            models.Index(F("account"), F("id").desc(), name="notice_inbox"),
            models.Index(fields=["account", "id"], condition=Q(read_at=None), name="notice_unread"),
            models.Index(fields=["account", "tx"], name="notice_stream"),
            models.Index(fields=["tx"], name="notice_new"),
            models.Index(
                fields=["escalate_at"], condition=~Q(escalate_at=None), name="notice_escalation"
            ),
            models.Index(fields=["subject"], name="notice_subject"),
            models.Index(fields=["batch"], name="notice_batch"),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"


class Address(models.Model):
    """Where a person can be reached through one channel.

    A push subscription or an Apprise URL, sealed: both let whoever holds them write to the
    person. `digest` is their blind index.
    """

    account = models.ForeignKey("directory.Account", models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10, choices=CHANNELS)
    name = models.CharField(max_length=80)
    sealed = SealedField(context="notices.address")
    digest = models.CharField(max_length=16)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "channel", "digest"], name="address_once_per_account"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=["WEB_PUSH", "APPRISE", "DEMO"]),
                name="address_channel_external",
            ),
        ]
        indexes = [models.Index(fields=["digest"], name="address_digest")]

    def __str__(self) -> str:
        return f"address {self.pk}"


class Delivery(models.Model):
    """The outbox: one notice to go to one address. At least once; the inbox needs no row."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    address = models.ForeignKey(Address, models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10, choices=CHANNELS)
    state = models.CharField(max_length=10, choices=STATES, default=DeliveryState.PENDING.value)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    next_attempt_at = models.DateTimeField(db_default=Now())
    leased_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["notice", "address"], name="delivery_once"),
            models.CheckConstraint(
                condition=Q(state__in=[word.value for word in DeliveryState]),
                name="delivery_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="SENT", sent_at__isnull=False)
                | (~Q(state="SENT") & Q(sent_at=None)),
                name="delivery_sent_has_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=["PENDING", "FAILED"]),
                name="delivery_waiting",
            ),
            models.Index(F("id").desc(), condition=Q(state="DEAD"), name="delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class Escalation(models.Model):
    """A notice stayed unread, and what was done about it."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="escalations")
    step = models.CharField(max_length=12, choices=STEPS)
    channel = models.CharField(max_length=10, choices=CHANNELS, default="")
    to_notice = models.ForeignKey(Notice, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(step__in=[word.value for word in EscalationStep]),
                name="escalation_step_known",
            ),
        ]

    def __str__(self) -> str:
        return f"escalation {self.pk}"


class Preference(models.Model):
    """Through which channels, beside the inbox, a person wants one topic."""

    account = models.ForeignKey("directory.Account", models.CASCADE, related_name="+")
    topic = models.CharField(max_length=20)
    channels = ArrayField(models.CharField(max_length=10), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "topic"], name="preference_once"),
            models.CheckConstraint(
                condition=Q(channels__contained_by=["WEB_PUSH", "APPRISE", "DEMO"]),
                name="preference_channels_external",
            ),
        ]

    def __str__(self) -> str:
        return f"preference {self.pk}"


class QuietHours(models.Model):
    """When a person is not to be disturbed, in the county's time. May pass midnight."""

    account = models.OneToOneField(
        "directory.Account", models.CASCADE, primary_key=True, related_name="+"
    )
    starts = models.TimeField()
    ends = models.TimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(starts=F("ends")), name="quiet_hours_not_empty"),
        ]

    def __str__(self) -> str:
        return f"quiet hours {self.pk}"
