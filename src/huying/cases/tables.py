"""Lists as CSV files for a spreadsheet, sent row by row."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import get_language, override

_BOM: Final = "\ufeff"
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def table_file(
    name: str, headings: Sequence[str], rows: Iterable[Sequence[object]]
) -> StreamingHttpResponse:
    """A CSV download in UTF-8 with its mark, as spreadsheets here expect."""
    return StreamingHttpResponse(
        _lines(headings, rows, get_language() or "zh-hans"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"},
    )


def _lines(
    headings: Sequence[str], rows: Iterable[Sequence[object]], language: str
) -> Iterator[str]:
    writer = csv.writer(_Line())
    # The middleware that knows the reader's language is gone when the rows are read.
    with override(language):
        yield _BOM + str(writer.writerow(headings))
        for row in rows:
            yield str(writer.writerow([_cell(value) for value in row]))


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def local(at: datetime | None) -> str:
    """2026-11-22 09:12 in the county's time; "" for none."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else ""
