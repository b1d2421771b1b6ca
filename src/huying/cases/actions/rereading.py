"""What is kept beside the acts looked at again: attachments on the disk, words for search."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, QuerySet

from huying.cases.models import Attachment, Case, Report
from huying.cases.queries.batches import ids_in_batches
from huying.cases.rules.words import MOST_WORDS, searchable, words_of
from huying.directory.permissions import Actor
from huying.ledger import actions as ledger
from huying.ledger.queries import Difference, Spread

BATCH: Final = 500
Progress = Callable[[int, int], None]


def recount_files(
    *, progress: Progress | None = None, spread: Spread = map
) -> Iterator[Difference]:
    """Each attachment: its file is there, and it is what was stored."""
    done, count = 0, Attachment.objects.count()
    for looked_at, found in spread(_files, ids_in_batches(Attachment.objects.all(), BATCH)):
        yield from found
        done += looked_at
        if progress is not None:
            progress(done, count)


def _files(ids: Sequence[int]) -> tuple[int, list[Difference]]:
    """How many attachments were looked at, and what is wrong with them."""
    found: list[Difference] = []
    columns = ("path", "thumbnail", "sha256", "size")
    rows = Attachment.objects.filter(pk__in=ids).order_by("pk").values_list(*columns)
    for path, thumbnail, digest, size in rows:
        file = Path(settings.MEDIA_ROOT) / path
        if not file.is_file():
            found.append(Difference("FILE_MISSING", path, "附件不在磁盘上", "the file is gone"))
        elif file.stat().st_size != size or _sha256(file) != digest:
            found.append(Difference("FILE_CHANGED", path, "附件内容变了", "the file was changed"))
        if thumbnail and not (Path(settings.MEDIA_ROOT) / thumbnail).is_file():
            found.append(
                Difference(
                    "THUMBNAIL_MISSING", thumbnail, "缩略图不在磁盘上", "the thumbnail is gone"
                )
            )
    return len(ids), found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_LACKING: Final = f"""
SELECT x.id, x.number FROM jsonb_to_recordset(%s::jsonb) AS x(id bigint, number text, words text[])
  LEFT JOIN cases_casewords w ON w.case_id = x.id
 WHERE NOT coalesce(x.words <@ tsvector_to_array(w.words), false)
   AND coalesce(length(w.words), 0) + cardinality(x.words) <= {MOST_WORDS}
 ORDER BY 1
"""  # noqa: S608 - a number of this code
_ADD: Final = """
INSERT INTO cases_casewords AS w (case_id, words)
SELECT x.id, array_to_tsvector(x.words)
  FROM jsonb_to_recordset(%s::jsonb) AS x(id bigint, words text[])
ON CONFLICT (case_id) DO UPDATE SET words = w.words || excluded.words
"""


def recount_words(
    *, by: Actor, repair: bool = False, progress: Progress | None = None, spread: Spread = map
) -> Iterator[Difference]:
    """Each case is found by what it and its reports say now; yields those that are not.

    More than that it may be found by: what was said before reports moved on. A case that very
    many spoke of is found by what the first ones said.
    """
    newest = Case.objects.aggregate(newest=Max("pk"))["newest"] or 0
    work = partial(_words, repair=repair, by=by)
    for last, lacking in spread(work, ids_in_batches(Case.objects.all(), BATCH)):
        for number in lacking:
            yield Difference(
                "WORDS",
                number,
                "事项用它的文字搜不到",
                "the case is not found by its own words",
                repaired=repair,
            )
        if progress is not None:
            progress(last, newest)


def _words(ids: Sequence[int], *, repair: bool, by: Actor) -> tuple[int, list[str]]:
    """The last of these cases, and the numbers of those that are not found by their words."""
    lacking = _lacking(_said(Case.objects.filter(pk__in=ids)))
    if repair:
        for case_id, _number in lacking:
            _add_words(case_id, by)
    return ids[-1], [number for _case_id, number in lacking]


def _said(cases: QuerySet[Case]) -> Sequence[Mapping[str, Any]]:
    return list(cases.order_by("pk").values("id", "number", "title", "summary", "place_text"))


def _lacking(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_LACKING, [_wanted(rows)])
        return list(cursor.fetchall())


def _wanted(rows: Sequence[Mapping[str, Any]]) -> str:
    reports = defaultdict(list)
    for case_id, text, place, secret in Report.objects.filter(
        case_id__in=[row["id"] for row in rows]
    ).values_list("case_id", "text", "place_text", "secret"):
        reports[case_id].append((text, place, secret))
    return orjson.dumps(
        [
            {
                "id": row["id"],
                "number": row["number"],
                "words": words_of(
                    searchable(
                        (row["title"], row["summary"], row["place_text"]), reports[row["id"]]
                    )
                ),
            }
            for row in rows
        ]
    ).decode()


def _add_words(case_id: int, by: Actor) -> None:
    with transaction.atomic():
        rows = _said(Case.objects.select_for_update().filter(pk=case_id))
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [_wanted(rows)])
        ledger.record(
            kind="case.recounted",
            subject="cases",
            by=by.ref,
            body={"words": [row["number"] for row in rows]},
        )
