"""Log lines are JSON, one a line, and hold nothing personal."""

import json
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from huying.config import logs, settings
from huying.config.logs import JsonFormatter, masked

MANY = logs.MOST_WAITING * 3
# A process with the log of ours that says very much, and that it got to the end of it.
CHATTERBOX = f"""
import json, logging, logging.config, sys, time
logging.config.dictConfig(json.loads(sys.argv[1]))
for number in range({MANY}):
    logging.getLogger("huying.trail").info("told", extra={{"numbers": {{"number": number}}}})
print("done", flush=True)
sys.stdin.readline()
waiting = logging.getLogger().handlers[0]._waiting
while waiting.qsize():
    time.sleep(0.01)
logging.getLogger("huying.trail").info("last")
"""
# A process that forks after it has logged, as who builds a county with several does.
PARENT = """
import json, logging, logging.config, os, sys
logging.config.dictConfig(json.loads(sys.argv[1]))
logging.getLogger("huying.trail").info("parent")
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    logging.getLogger("huying.trail").info("child")
"""
# A worker of several, as the web's or a check's: it ends without `logging.shutdown`, and its last
# words are many. Somebody made the pipe one that does not wait.
WORKER = """
import json, logging, logging.config, multiprocessing, os, sys
logging.config.dictConfig(json.loads(sys.argv[1]))
def work():
    os.set_blocking(2, False)
    for number in range(3000):
        logging.getLogger("huying.trail").info("said")
multiprocessing.get_context("fork").Process(target=work).start()
"""
# A process that may start no thread.
ALONE = """
import json, logging, logging.config, sys, threading
logging.config.dictConfig(json.loads(sys.argv[1]))
def start(thread):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
logging.getLogger("huying.trail").info("first")
logging.getLogger("huying.trail").info("second")
"""


def _line(message: str, *arguments: object, **options: object) -> dict[str, str]:
    record = logging.LogRecord("huying.test", logging.WARNING, "x.py", 1, message, arguments, None)
    for name, value in options.items():
        setattr(record, name, value)
    written = JsonFormatter().format(record)
    assert "\n" not in written
    line: dict[str, str] = json.loads(written)
    return line


def test_a_line_says_when_how_grave_where_and_what() -> None:
    line = _line("listener %s stopped\nby hand", "hj212")
    assert line["level"] == "WARNING"
    assert line["logger"] == "huying.test"
    assert line["message"] == "listener hj212 stopped\nby hand"
    assert datetime.fromisoformat(line["at"]).tzinfo is not None
    assert "trace" not in line


def test_an_exception_brings_its_trace() -> None:
    try:
        raise ValueError("bad value of 13912345678")
    except ValueError:
        line = _line("failed", exc_info=sys.exc_info())
    assert "ValueError: bad value of ***" in line["trace"]


@pytest.mark.parametrize(
    "text",
    [
        "Not Found: /r/7KQ2-9XWD-M3HT/",
        "Too Many Requests: /api/v1/reports/7KQ29XWDM3HT",
        "receipt 7KQ2-9XWD-M3HT unknown",
        "DETAIL: Key (phone)=(13912345678) already exists.",
        "id 11010519491231002X refused",
    ],
)
def test_receipts_and_numbers_of_people_are_masked(text: str) -> None:
    line = _line(text)
    assert "***" in line["message"]
    assert not any(c in line["message"] for c in ("7KQ2", "139", "110105"))


@pytest.mark.parametrize(
    "text",
    ["case 2026-000123", "grid 990101001001001", "1763769600000 ms", "client:3 of staff:17"],
)
def test_numbers_of_the_house_stay(text: str) -> None:
    assert masked(text) == text


def test_what_utf8_cannot_hold_is_still_written() -> None:
    assert _line("name \udce9")["message"] == "name \\udce9"


@contextmanager
def _running(code: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(settings.LOGGING)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _comes_to_the_end(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    assert select.select([process.stdout], [], [], 60)[0], "it waits for somebody to read its log"
    assert process.stdout.readline() == "done\n"


def test_a_pipe_nobody_reads_stops_nobody_and_what_is_dropped_is_counted() -> None:
    with _running(CHATTERBOX) as process:
        _comes_to_the_end(process)
        _, said = process.communicate("\n", timeout=60)
    lines = [json.loads(line) for line in said.splitlines()]
    numbers = [line["number"] for line in lines if "number" in line]
    assert numbers == sorted(set(numbers)), "each once, in their order"
    assert numbers[: logs.MOST_WAITING // 2] == list(range(logs.MOST_WAITING // 2))
    assert logs.MOST_WAITING <= len(numbers) < MANY
    assert lines[-1]["message"] == "last"
    (news,) = [line for line in lines if line["logger"] == "huying.config.logs"]
    assert news["message"].startswith(f"{MANY - len(numbers)} log lines were dropped")


def test_a_process_ends_though_nobody_reads_its_log() -> None:
    with _running(CHATTERBOX.replace("while waiting.qsize():", "while False:")) as process:
        _comes_to_the_end(process)
        assert process.stdin
        began = time.monotonic()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait(60) == 0
        assert time.monotonic() - began > logs.LAST_SECONDS, "it gave the reader a moment"


def test_a_forked_child_has_a_log_as_well() -> None:
    with _running(PARENT) as process:
        _, said = process.communicate(timeout=60)
    messages = [json.loads(line)["message"] for line in said.splitlines()]
    assert sorted(messages) == ["child", "parent"]


def test_a_worker_s_last_words_are_written() -> None:
    with _running(WORKER) as process:
        time.sleep(1)  # more than the pipe holds waits for this
        _, said = process.communicate(timeout=60)
    assert [json.loads(line)["message"] for line in said.splitlines()] == ["said"] * 3000


def test_without_a_thread_lines_are_written_all_the_same() -> None:
    with _running(ALONE) as process:
        _, said = process.communicate(timeout=60)
    assert [json.loads(line)["message"] for line in said.splitlines()] == ["first", "second"]
