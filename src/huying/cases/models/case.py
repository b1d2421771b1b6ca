"""The case: what the county must answer, and everything that hangs on it."""

from typing import TYPE_CHECKING, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQueryField, SearchVectorField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast

from huying.cases.models.access import inside, view_of
from huying.cases.rules.vocabulary import AttachmentKind, Kind, Outcome, Urgency
from huying.directory.permissions import Permission

if TYPE_CHECKING:
    from huying.directory.permissions import Actor

# A comparison with NULL is neither true nor false, and a check lets that pass: so say both.
ON_EARTH = Q(lon__isnull=True, lat__isnull=True) | Q(
    lon__isnull=False,
    lat__isnull=False,
    lon__gte=-180,
    lon__lte=180,
    lat__gte=-90,
    lat__lte=90,
)


class CaseQuerySet(models.QuerySet["Case"]):
    def visible_to(self, actor: "Actor") -> Self:
        """The cases this actor may see; with `access.view_of` the one place that decides it.

        Those in the territories in which everything may be seen, those of the actor's units
        (leading or assisting) and those in the actor's grids.
        """
        view = view_of(actor)
        if view.everything:
            return self
        mine = view.within("division_code", "grid_code")
        if view.units:
            assisted = AssistingUnit.objects.filter(organisation__in=view.units)
            mine |= Q(lead_organisation__in=view.units) | Q(pk__in=assisted.values("case"))
        return self.filter(mine)

    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def matching(self, query: str, *, by_index: bool = True) -> Self:
        """Those whose words match a tsquery literal (`rules.words.query_of`).

        Not `by_index`: each of these cases is looked at, which is better for few cases and a
        query that the index answers with half the county.
        """
        words: F | Func = F("words__words")
        return self.filter(
            Func(
                words if by_index else Func(words, function="strip"),
                Cast(Value(query), SearchQueryField()),
                template="(%(expressions)s)",
                arg_joiner=" @@ ",
                output_field=models.BooleanField(),
            )
        )


class Case(models.Model):
    """A matter under a procedure. Its state is what its acts made it (`queries.replay_state`)."""

    number = models.CharField(max_length=16)
    procedure = models.CharField(max_length=40)
    procedure_version = models.PositiveIntegerField()
    state = models.CharField(max_length=40)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.HELP)
    category = models.CharField(max_length=40, blank=True, default="")  # "" = not sure yet
    title = models.CharField(max_length=120)
    summary = models.TextField(blank=True, default="")
    urgency = models.CharField(max_length=10, choices=Urgency, default=Urgency.NORMAL)
    place_text = models.CharField(max_length=200, blank=True, default="")
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    grid_code = models.CharField(max_length=15, null=True)
    division_code = models.CharField(max_length=12)  # the county's own code when unknown
    lead_organisation = models.ForeignKey(
        "directory.Organisation", models.PROTECT, null=True, related_name="+", db_index=False
    )
    officer = models.ForeignKey(
        "directory.Account", models.PROTECT, null=True, related_name="+", db_index=False
    )
    discovered_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    people_involved = models.PositiveIntegerField(default=1)
    report_count = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=16, choices=Outcome, blank=True, default="")
    # The earliest clock that runs, so that a list can be sorted without reading clocks.
    due_at = models.DateTimeField(null=True)
    due_clock = models.CharField(max_length=40, blank=True, default="")
    due_provisional = models.BooleanField(default=False)
    supervised = models.BooleanField(default=False)
    alert_id = models.BigIntegerField(null=True)
    alert_key = models.CharField(max_length=120, blank=True, default="")
    true_alarm = models.BooleanField(null=True)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, db_index=False)
    # What waits for an approval: {action: {"seq", "by", "account_id", "note", "data"}}.
    pending = models.JSONField(default=dict)
    # Of the request that opened it by hand; a report keeps its own.
    idempotency_key = models.CharField(max_length=160, null=True)
    request_digest = models.CharField(max_length=64, blank=True, default="")
    version = models.PositiveIntegerField(default=1)  # = seq of its last act

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [
            # Not `unique=True`: Django would add a second index, for LIKE, which nothing asks.
            models.UniqueConstraint(fields=["number"], name="case_number_once"),
            models.UniqueConstraint(
                fields=["idempotency_key"],
                name="case_request_once",
                condition=Q(idempotency_key__isnull=False),
            ),
            models.CheckConstraint(condition=ON_EARTH, name="case_on_earth"),
            models.CheckConstraint(
                condition=Q(urgency__in=Urgency.values), name="case_urgency_known"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="case_kind_known"),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(outcome__in=Outcome.values), name="case_outcome_known"
            ),
            models.CheckConstraint(
                condition=Q(people_involved__gte=1), name="case_involves_someone"
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="case_has_an_act"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(closed_at__gte=F("created_at")),
                name="case_closed_after_created",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="case_not_merged_into_itself",
            ),
        ]
        indexes = [
            # The queues: open cases only, so their size does not grow with history.
            models.Index(
                F("due_at").asc(nulls_last=True),
                "id",
                name="case_open_due",
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(
                "lead_organisation",
                F("due_at").asc(nulls_last=True),
                "id",
                name="case_open_unit",
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(
                fields=["grid_code", "due_at"],
                name="case_open_grid",
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(
                "officer",
                F("due_at").asc(nulls_last=True),
                "id",
                name="case_open_officer",
                condition=Q(closed_at__isnull=True),
            ),
            models.Index(
                fields=["id"],
                name="case_open_supervised",
                condition=Q(closed_at__isnull=True, supervised=True),
            ),
            models.Index(
                fields=["id"],
                name="case_open_pending",
                condition=Q(closed_at__isnull=True) & ~Q(pending={}),
            ),
            models.Index(
                fields=["alert_key"],
                name="case_open_alert",
                condition=Q(closed_at__isnull=True) & ~Q(alert_key=""),
            ),
            models.Index(
                fields=["alert_id"], name="case_alert", condition=Q(alert_id__isnull=False)
            ),
            models.Index(
                fields=["lat", "lon"],
                name="case_open_place",
                condition=Q(closed_at__isnull=True, lat__isnull=False),
            ),
            # History by unit, by grid, by category, by merging; newest first by id.
            models.Index(fields=["lead_organisation", "-id"], name="case_unit_newest"),
            models.Index(fields=["grid_code", "-id"], name="case_grid_newest"),
            models.Index(fields=["category", "-id"], name="case_category_newest"),
            models.Index(
                fields=["merged_into"], name="case_merged", condition=Q(merged_into__isnull=False)
            ),
            models.Index(fields=["category", "-closed_at"], name="case_category_closed"),
        ]

    def __str__(self) -> str:
        return self.number


class CaseWords(models.Model):
    """The words of a case and its reports, for search.

    Apart from the case, so that a change of state does not write the words' index anew.
    """

    case = models.OneToOneField(Case, models.CASCADE, primary_key=True, related_name="words")
    words = SearchVectorField()

    class Meta:
        # New words wait in a list (kB) that each search reads whole; with one of 4 MB, as it is
        # by default, the planner shuns the index. Shorter than this, inserts pay for it.
        indexes = [GinIndex("words", name="case_words", gin_pending_list_limit=1024)]

    def __str__(self) -> str:
        return str(self.case_id)


class AssistingUnit(models.Model):
    """协办单位: an organisation that helps the leading one."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="assisting_units")
    organisation = models.ForeignKey(
        "directory.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "case"], name="assisting_unit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}:{self.organisation_id}"


class ActQuerySet(models.QuerySet["Act"]):
    def auditable_by(self, actor: "Actor") -> Self:
        """The acts this actor audits: those of the cases where the post of auditor lies."""
        territories = actor.reach(Permission.LEDGER_AUDIT)
        if territories is None:
            return self
        return self.filter(inside("case__division_code", territories))


class Act(models.Model):
    """办理记录: one sealed step. Appended, never edited.

    `told` is what the sentence that reporters read of it is filled with, as it was then; null =
    they read nothing. The sentence is the procedure's, in the reader's language
    (`queries.told`). `seq` counts from 1 per case.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="acts", db_index=False)
    report = models.ForeignKey("cases.Report", models.PROTECT, null=True, db_index=False)
    seq = models.PositiveIntegerField()
    action = models.CharField(max_length=60)
    from_state = models.CharField(max_length=40)
    to_state = models.CharField(max_length=40)
    actor_kind = models.CharField(max_length=10)
    actor_ref = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=80, blank=True, default="")
    account = models.ForeignKey(
        "directory.Account", models.PROTECT, null=True, related_name="+", db_index=False
    )
    organisation = models.ForeignKey(
        "directory.Organisation", models.PROTECT, null=True, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    note = models.TextField(blank=True, default="")
    told = models.JSONField(null=True)
    data = models.JSONField(default=dict)
    record_id = models.BigIntegerField(null=True)  # the ledger's

    objects = ActQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="act_seq_once")]
        indexes = [
            models.Index(fields=["account", "-id"], name="act_account"),
            models.Index(fields=["at"], name="act_at"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id}.{self.seq} {self.action}"


class Clock(models.Model):
    """时限: a lawful time that runs for a case or for one report of it.

    `due_at` is the first moment that is too late. A paused clock keeps the due date it had;
    resuming moves it. `pauses` = [[from, to], …] and `extensions` = ["5 working days", …]
    are what the due date is recomputed from.
    """

    case = models.ForeignKey(Case, models.CASCADE, related_name="clocks")
    report = models.ForeignKey(
        "cases.Report", models.CASCADE, null=True, related_name="clocks", db_index=False
    )
    name = models.CharField(max_length=40)
    limit = models.CharField(max_length=40)
    article = models.CharField(max_length=200, blank=True, default="")
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    provisional = models.BooleanField(default=False)
    stopped_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    pauses = models.JSONField(default=list)
    extensions = models.JSONField(default=list)
    warn_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "report", "name"],
                name="clock_runs_once",
                condition=Q(stopped_at__isnull=True),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True) | Q(stopped_at__gte=F("started_at")),
                name="clock_stops_after_start",
            ),
            models.CheckConstraint(
                condition=Q(due_at__gt=F("started_at")), name="clock_due_after_start"
            ),
        ]
        indexes = [
            models.Index(
                fields=["warn_at"],
                name="clock_to_warn",
                condition=Q(stopped_at__isnull=True, paused_at__isnull=True)
                & Q(warned_at__isnull=True, warn_at__isnull=False),
            ),
            models.Index(
                fields=["due_at"],
                name="clock_to_escalate",
                condition=Q(stopped_at__isnull=True, paused_at__isnull=True)
                & Q(escalated_at__isnull=True),
            ),
            models.Index(
                fields=["id"],
                name="clock_provisional",
                condition=Q(stopped_at__isnull=True, provisional=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.name}"


class Attachment(models.Model):
    """A photograph, scan or document, with a file of its own under MEDIA_ROOT, by its digest."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="attachments")
    report = models.ForeignKey(
        "cases.Report", models.PROTECT, null=True, related_name="attachments", db_index=False
    )
    act = models.ForeignKey(
        Act, models.PROTECT, null=True, related_name="attachments", db_index=False
    )
    kind = models.CharField(max_length=10, choices=AttachmentKind)
    sha256 = models.CharField(max_length=64)  # of the stored file
    path = models.CharField(max_length=120)
    thumbnail = models.CharField(max_length=120, blank=True, default="")
    mime = models.CharField(max_length=40)
    size = models.PositiveIntegerField()  # bytes
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    uploaded_by = models.ForeignKey(
        "directory.Account", models.PROTECT, null=True, related_name="+", db_index=False
    )
    uploaded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="attachment_sha256"
            ),
            models.CheckConstraint(condition=Q(size__gt=0), name="attachment_not_empty"),
        ]
        indexes = [models.Index(fields=["sha256"], name="attachment_digest")]

    def __str__(self) -> str:
        return self.path


class CaseReference(models.Model):
    """The number this case has in another system (city hotline, petition system, court …)."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="references")
    system = models.CharField(max_length=40)
    number = models.CharField(max_length=80)
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["system", "number", "case"], name="case_reference_once")
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.number}"
