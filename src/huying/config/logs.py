"""Log lines as JSON, one a line, carrying no personal data: messages hold ids, never values.

`trace_id` ties the lines of one frame, request or job together (telemetry/trace.py).

What slips in all the same (the path of a receipt in a warning of Django's, a value in the text
of an exception) is masked here: receipts, mobile and ID numbers, rows quoted by the database.
"""

import logging
import re
from datetime import UTC, datetime

import orjson

from huying.telemetry import trace

_MASKED = "***"
_PERSONAL = re.compile(
    r"(?<=DETAIL:)[^\n]+"  # PostgreSQL quotes the row that failed, words and all
    r"|(?<=/r/)[0-9A-Za-z-]{10,20}"  # the address of a receipt's page
    r"|(?<=/reports/)[0-9A-Za-z-]{10,20}"  # and of the REST interface
    r"|(?<=/intake/)[0-9A-Za-z-]{10,20}"  # and of the slip it is read out from
    r"|\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}\b"  # a receipt as it is shown
    r"|(?<![0-9])1[3-9][0-9]{9}(?![0-9])"  # a mobile number
    r"|(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9])"  # GB 11643-1999
)


def masked(text: str) -> str:
    """The text without receipts, mobile and ID numbers, and with what UTF-8 can hold only."""
    return _PERSONAL.sub(_MASKED, text.encode(errors="backslashreplace").decode())


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": masked(record.getMessage()),
            **getattr(record, "numbers", {}),
        }
        trace_id = getattr(record, "trace_id", "") or trace.current_id()
        if trace_id:
            line["trace_id"] = trace_id
        if record.exc_info:
            line["trace"] = masked(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()
