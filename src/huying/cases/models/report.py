"""The report: what one person said once, with a receipt, a reply and a rating of its own."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q

from huying.cases.models.access import view_of
from huying.cases.models.case import ON_EARTH, Case
from huying.cases.rules.vocabulary import Channel, Kind, Rating, ReportState

if TYPE_CHECKING:
    from huying.directory.permissions import Actor


class ReportQuerySet(models.QuerySet["Report"]):
    def visible_to(self, actor: "Actor") -> Self:
        """The reports of the cases this actor may see.

        A secret report (要求保密) is seen only by those who see everything and by the unit
        that answers it, never by the grid worker next door.
        """
        view = view_of(actor)
        if view.everything:
            return self
        open_to_all = Q(secret=False) | Q(case__lead_organisation__in=view.units)
        for prefix in view.territories:
            open_to_all |= Q(case__division_code__startswith=prefix)
        return self.filter(open_to_all, case__in=Case.objects.visible_to(actor))


class Report(models.Model):
    """诉求. Merging moves it to another case and changes nothing else of it."""

    receipt = models.CharField(max_length=12, unique=True)  # Crockford base 32, unguessable
    case = models.ForeignKey(Case, models.PROTECT, related_name="reports")
    channel = models.CharField(max_length=10, choices=Channel)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.HELP)
    text = models.TextField()
    place_text = models.CharField(max_length=200, blank=True, default="")
    lon = models.FloatField(null=True)  # where the matter is
    lat = models.FloatField(null=True)
    phone_lon = models.FloatField(null=True)  # where the telephone was, if it was told
    phone_lat = models.FloatField(null=True)
    reporter = models.ForeignKey("directory.Person", models.SET_NULL, null=True, related_name="+")
    on_behalf = models.BooleanField(default=False)
    submitter = models.ForeignKey(
        "directory.Person", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    recorded_by = models.ForeignKey(
        "directory.Account", models.PROTECT, null=True, related_name="+", db_index=False
    )
    secret = models.BooleanField(default=False)
    submitted_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ReportState, default=ReportState.RECEIVED)
    reply = models.TextField(blank=True, default="")
    replied_at = models.DateTimeField(null=True)
    rating = models.CharField(max_length=20, choices=Rating, blank=True, default="")
    rating_comment = models.TextField(blank=True, default="")
    rated_at = models.DateTimeField(null=True)
    follow_up = models.TextField(blank=True, default="")  # 追评
    followed_up_at = models.DateTimeField(null=True)
    joined_report = models.ForeignKey("self", models.PROTECT, null=True, db_index=False)
    repeat_of = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="repeats", db_index=False
    )
    # Where it was before merging and splitting: [[case id, since seq, until seq]].
    earlier = models.JSONField(default=list)
    since_seq = models.PositiveIntegerField(default=0)  # acts of its case up to here are others'
    idempotency_key = models.CharField(max_length=160, null=True, unique=True)
    request_digest = models.CharField(max_length=64, blank=True, default="")
    record_id = models.BigIntegerField(null=True)  # the ledger's, of its receiving
    erased_at = models.DateTimeField(null=True)  # its words are gone, at the person's right

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=ON_EARTH, name="report_on_earth"),
            models.CheckConstraint(
                condition=Q(receipt__regex=r"^[0-9A-HJKMNP-TV-Z]{12}$"), name="report_receipt"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=Channel.values), name="report_channel_known"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="report_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=ReportState.values), name="report_state_known"
            ),
            models.CheckConstraint(
                condition=Q(rating="", rated_at__isnull=True)
                | Q(rating__in=Rating.values, rated_at__isnull=False),
                name="report_rating_has_time",
            ),
            models.CheckConstraint(
                condition=Q(reply="") | Q(replied_at__isnull=False), name="report_reply_has_time"
            ),
            models.CheckConstraint(
                condition=Q(joined_report__isnull=True) | ~Q(joined_report=F("id")),
                name="report_joins_another",
            ),
            # A reply may come again: an erased report's case can be opened anew.
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True)
                | Q(
                    text="",
                    place_text="",
                    lon__isnull=True,
                    lat__isnull=True,
                    phone_lon__isnull=True,
                    phone_lat__isnull=True,
                    rating_comment="",
                    follow_up="",
                    request_digest="",
                    idempotency_key__isnull=True,
                ),
                name="report_erased_is_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["submitted_at"], name="report_submitted"),
            models.Index(
                fields=["submitter"],
                name="report_submitter",
                condition=Q(submitter__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.receipt
