"""Log lines as JSON, one a line, carrying no personal data: messages hold ids, never values.

`trace_id` ties the lines of one frame, request or job together (telemetry/trace.py).

What slips in all the same (the path of a receipt in a warning of Django's, a value in the text
of an exception) is masked here: receipts, mobile and ID numbers, rows quoted by the database.
"""

import logging
import os
import queue
import re
import select
import threading
from datetime import UTC, datetime
from multiprocessing import util
from typing import Final

import orjson

from huying.telemetry import metrics, trace

MOST_WAITING: Final = 10_000
LAST_SECONDS: Final = 2.0
_STANDARD_ERROR: Final = 2
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


class BoundedHandler(logging.Handler):
    """Writes to standard error in a thread of its own: a pipe that nobody reads stops nobody.

    What comes while MOST_WAITING lines wait is let go and counted; once half of them are written,
    a line says how many it were. A process that ends waits LAST_SECONDS for its last lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        # SimpleQueue, because a signal handler may log while this thread puts a line.
        self._waiting: queue.SimpleQueue[str | threading.Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if self._process != os.getpid():
            # A forked child has the parent's queue, but not its thread.
            self._begin()
        if self._waiting.qsize() >= MOST_WAITING:
            self._dropped += 1
            metrics.LOG_LINES_DROPPED.inc()
            return
        if self._thread is None and not self._start():
            _write(line)
            return
        self._waiting.put(line)

    def _start(self) -> bool:
        """False where no more threads are to be had: then who speaks waits for who reads."""
        thread = threading.Thread(target=self._run, name="log", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        # A forked child ends without `logging.shutdown`.
        util.Finalize(None, self.flush, exitpriority=0)
        return True

    def flush(self) -> None:
        """Wait until what was said so far is written, at most LAST_SECONDS."""
        if self._thread is not None and self._process == os.getpid():
            written = threading.Event()
            self._waiting.put(written)
            written.wait(LAST_SECONDS)

    def _run(self) -> None:
        told = 0
        while True:
            next_one = self._waiting.get()
            if isinstance(next_one, threading.Event):
                next_one.set()
            else:
                _write(next_one)
            dropped = self._dropped
            if dropped > told and self._waiting.qsize() < MOST_WAITING // 2:
                _write(self.format(_news_of(dropped - told)))
                told = dropped


def _news_of(dropped: int) -> logging.LogRecord:
    message = "%d log lines were dropped: nobody read them"
    return logging.LogRecord(__name__, logging.ERROR, __file__, 0, message, (dropped,), None)


def _write(line: str) -> None:
    # Past sys.stderr, whose lock a thread that waits would hold while the process ends.
    left = memoryview(f"{line}\n".encode())
    while left:
        try:
            left = left[os.write(_STANDARD_ERROR, left) :]
        except BlockingIOError:
            # Somebody shares the pipe and made it one that does not wait: this thread does.
            select.select([], [_STANDARD_ERROR], [])
        except OSError:
            return  # nobody is there any more who could read
