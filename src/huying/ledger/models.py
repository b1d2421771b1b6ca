"""The ledger's tables. Records are only ever added; `sequencer` alone writes the other tables.

Nothing here locks or counts on the path of `actions.record`: a record is one INSERT, and its
place in the tree is decided later, elsewhere (see sequencer.py).
"""

from typing import TYPE_CHECKING, Any, NoReturn

from django.db import models
from django.db.models.functions import Now

from huying.ledger.rules.entries import LARGEST_ENTRY


class HistoryIsAppended(TypeError):
    """Somebody tried to change or delete what was recorded."""


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise HistoryIsAppended("账本只能追加，不能修改或删除。 / The ledger only grows.")


if TYPE_CHECKING:
    _BigInteger = models.BigIntegerField[int, int]
else:
    _BigInteger = models.BigIntegerField


class Xid8Field(_BigInteger):
    """PostgreSQL's 64-bit transaction number, which never wraps."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: str | None, *_: Any) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(value)


class CurrentTransaction(models.Func):
    """pg_current_xact_id(): the number of the writing transaction."""

    function = "pg_current_xact_id"
    arity = 0
    output_field = Xid8Field()


class _AppendOnly(models.QuerySet[Any]):
    update = delete = bulk_update = _refuse


class Record(models.Model):
    """One sealed act, as written by `actions.record` in the transaction of the act."""

    id = models.BigAutoField(primary_key=True)
    tx = Xid8Field(db_default=CurrentTransaction(), editable=False)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    kind = models.CharField(max_length=64)
    subject = models.CharField(max_length=100)
    actor = models.CharField(max_length=100)
    entry = models.BinaryField()

    objects = _AppendOnly.as_manager()

    class Meta:
        db_table = "ledger_record"
        indexes = [
            # The order of the tree: the sequencer reads on from its watermark.
            models.Index(fields=["tx", "id"], name="ledger_record_order"),
            models.Index(fields=["subject", "id"], name="ledger_record_subject"),
        ]
        constraints = [
            models.CheckConstraint(
                name="ledger_record_entry_fits_bundle",
                condition=models.Q(
                    models.lookups.LessThanOrEqual(
                        models.Func(
                            models.F("entry"),
                            function="octet_length",
                            output_field=models.IntegerField(),
                        ),
                        LARGEST_ENTRY,
                    )
                ),
            )
        ]

    save = delete = _refuse  # records are written by actions.record

    def __str__(self) -> str:
        return f"{self.id} {self.kind} {self.subject}"


class Salt(models.Model):
    """The salt of one commitment. Deleting it erases the person; the proof still stands."""

    record = models.ForeignKey(
        Record, on_delete=models.PROTECT, related_name="salts", db_index=False
    )
    field = models.CharField(max_length=64)
    salt = models.BinaryField()

    class Meta:
        db_table = "ledger_salt"
        constraints = [models.UniqueConstraint(fields=["record", "field"], name="ledger_salt_once")]

    def __str__(self) -> str:
        return f"{self.record_id} {self.field}"


class Position(models.Model):
    """Where in the tree a record stands."""

    position = models.BigIntegerField(primary_key=True)
    # No constraint in the database: it would cost a look-up for each row of the sequencer's
    # COPY, and the row was just read. `huying verify` holds both tables together.
    record = models.OneToOneField(
        Record, on_delete=models.PROTECT, related_name="placed", db_constraint=False
    )

    objects = _AppendOnly.as_manager()

    class Meta:
        db_table = "ledger_position"

    save = delete = _refuse  # positions are written by the sequencer

    def __str__(self) -> str:
        return f"{self.position}: record {self.record_id}"


class Tile(models.Model):
    """Up to 256 hashes of one level (C2SP tlog-tiles); a partial tile is the start of the row."""

    pk = models.CompositePrimaryKey("level", "number")
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        db_table = "ledger_tile"
        constraints = [
            models.CheckConstraint(
                name="ledger_tile_whole_hashes",
                condition=models.Q(
                    models.lookups.LessThanOrEqual(
                        models.Func(
                            models.F("hashes"),
                            function="octet_length",
                            output_field=models.IntegerField(),
                        ),
                        256 * 32,
                    )
                ),
            )
        ]

    def __str__(self) -> str:
        return f"tile {self.level}/{self.number}"


class Head(models.Model):
    """The one row that says how far the tree has grown; locked by the sequencer at work.

    Records up to the watermark (tx, id) are placed. `floor_id` is raised when the database was
    restored into a server that counts its transactions from lower (see sequencer.py).
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    origin = models.CharField(max_length=200)
    size = models.BigIntegerField(default=0)
    frontier = models.BinaryField(default=b"")
    watermark_tx = Xid8Field(default=0)
    watermark_id = models.BigIntegerField(default=0)
    floor_id = models.BigIntegerField(default=0)
    note = models.TextField(default="")
    signed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "ledger_head"
        constraints = [
            models.CheckConstraint(name="ledger_head_one_row", condition=models.Q(id=1)),
            models.CheckConstraint(name="ledger_head_size", condition=models.Q(size__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.origin} {self.size}"


class Checkpoint(models.Model):
    """Signed checkpoints of the past, at most one a minute; the newest is in Head."""

    size = models.BigIntegerField(primary_key=True)
    note = models.TextField()
    signed_at = models.DateTimeField()

    objects = _AppendOnly.as_manager()

    class Meta:
        db_table = "ledger_checkpoint"

    def __str__(self) -> str:
        return f"checkpoint of {self.size}"
