"""When things break: nothing is lost, nothing is acknowledged that is not stored."""

import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import DataError, connection

from huying.config import open_files
from huying.sensing import events
from huying.sensing.actions import ingest, storing
from huying.sensing.actions.checking import Row
from huying.sensing.actions.heard import HeardLog
from huying.sensing.actions.rollups import add_to_hours
from huying.sensing.listeners import batching
from huying.sensing.listeners import hj212 as hj212_listener
from huying.sensing.listeners.hj212 import Server
from huying.sensing.models import Alert, HourTally, Observation, Quarantine
from tests.factories.sensing import INGEST, frame, make_device, this_hour
from tests.integration.notices.live import database_url
from tests.integration.sensing.devices import DeviceClient, RunningListener, segment

pytestmark = pytest.mark.django_db(transaction=True)


def cut_the_connection(times: int) -> Callable[[Sequence[Row]], None]:
    """As add_to_hours, but the first times the server ends the session: the rows are copied by
    then, the commit is not."""
    left = [times]
    proper = add_to_hours

    def faulty(rows: Sequence[Row]) -> None:
        if left[0] > 0:
            left[0] -= 1
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        proper(rows)

    return faulty


def test_a_connection_lost_in_the_middle_of_a_batch(
    listener: RunningListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device()
    begin = datetime.now(UTC) - timedelta(seconds=100)
    monkeypatch.setattr(ingest, "add_to_hours", cut_the_connection(1))
    with DeviceClient(listener.port) as client:
        for n in range(50):
            client.send(frame(segment(device.mn, at=begin + timedelta(seconds=n))))
        assert {client.answer().cn for _ in range(50)} == {"9014"}

    assert Observation.objects.count() == 50
    assert sum(row.counts[0] for row in HourTally.objects.all()) == 50
    assert "OperationalError" in listener.server.counters.last_error


def test_a_connection_lost_while_rows_are_copied_is_no_fault_of_the_rows(
    listener: RunningListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device()
    proper, left = storing.encode, [1]

    def encode(*arguments: Any) -> bytes:
        if left[0]:
            left[0] -= 1
            number = connection.connection.info.backend_pid
            with psycopg.connect(database_url()) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [number])
        return proper(*arguments)

    monkeypatch.setattr(storing, "encode", encode)
    with DeviceClient(listener.port) as client:
        assert client.ask(frame(segment(device.mn))).cn == "9014"
    assert Observation.objects.count() == 1
    assert not Quarantine.objects.exists()


def test_a_session_lost_while_an_alert_is_handed_over_is_not_taken_for_a_commit(
    listener: RunningListener,
) -> None:
    device = make_device()
    left = [1]

    def lose(**_: Any) -> None:
        if left[0]:
            left[0] -= 1
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    events.alert_opened.connect(lose)
    try:
        with DeviceClient(listener.port) as client:
            # Written down lately, so that nothing is asked of the lost session behind the alert.
            assert client.ask(frame(segment(device.mn))).cn == "9014"
            hour = segment(
                device.mn,
                "a34004-Avg=180,a34004-Flag=N",
                cn="2061",
                at=datetime.fromtimestamp(this_hour(1), UTC),
            )
            assert client.ask(frame(hour)).cn == "9014"
    finally:
        events.alert_opened.disconnect(lose)
    assert left == [0]
    assert Observation.objects.filter(kind="HOUR").count() == 1
    assert Alert.objects.count() == 1


def test_what_was_not_stored_is_not_acknowledged_and_is_taken_when_it_comes_again(
    listener: RunningListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device()
    data = frame(segment(device.mn))
    monkeypatch.setattr(batching, "_PAUSES", (0.01,))
    monkeypatch.setattr(ingest, "add_to_hours", cut_the_connection(2))
    with DeviceClient(listener.port) as client:
        client.send(data)
        listener.until(lambda: listener.server.counters.frames == 1)
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.answer()
        assert not Observation.objects.exists()

        client.socket.settimeout(10)
        assert client.ask(data).cn == "9014"

    assert Observation.objects.count() == 1
    assert HourTally.objects.get().counts == [1]


def test_a_reading_that_cannot_be_stored_takes_no_other_with_it(
    listener: RunningListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = make_device(), make_device()
    proper = add_to_hours

    def faulty(rows: Sequence[Row]) -> None:
        if any(row.profile.mn == bad.mn for row in rows):
            raise DataError("a fault of the program")
        proper(rows)

    monkeypatch.setattr(ingest, "add_to_hours", faulty)
    begin = datetime.now(UTC) - timedelta(seconds=100)
    with DeviceClient(listener.port) as client:
        data = [frame(segment(good.mn, at=begin + timedelta(seconds=n))) for n in range(20)]
        data.insert(7, frame(segment(bad.mn)))
        client.send(b"".join(data))
        assert {client.answer().cn for _ in range(21)} == {"9014"}

    assert Observation.objects.filter(device=good).count() == 20
    item = Quarantine.objects.get()
    assert (item.reason, item.mn) == ("NOT_STORED", bad.mn)


def test_a_full_queue_makes_the_senders_wait(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(frames_per_minute=1_000_000)
    begin = datetime.now(UTC) - timedelta(hours=2)
    data = b"".join(
        frame(segment(device.mn, flag=4, at=begin + timedelta(seconds=n))) for n in range(6000)
    )
    proper: Callable[..., Any] = storing.store
    disk_answers = threading.Event()

    def store(*arguments: Any) -> Any:
        assert disk_answers.wait(30)
        return proper(*arguments)

    monkeypatch.setattr(ingest, "store", store)
    with RunningListener(batch_limit=200) as running:
        batcher = running.server.batcher
        monkeypatch.setattr(batcher, "_queue_limit", 1000)
        with DeviceClient(running.port) as client:
            sending = threading.Thread(target=client.send, args=(data,))
            sending.start()
            running.until(lambda: batcher.is_full)
            # One read was under way when the limit was reached; no other came.
            in_one_read = 256 * 1024 * 6000 // len(data)
            assert batcher.waiting <= 1000 + in_one_read
            assert running.server.counters.frames < 6000
            # Who connects meanwhile is not read on either.
            late = DeviceClient(running.port)
            pushing = threading.Thread(target=_send_for_ever, args=(late.socket, data))
            pushing.start()
            running.until(lambda: len(running.server.connections) == 2)
            running.until(
                lambda: (
                    not any(
                        one._transport is None or one._transport.is_reading()
                        for one in running.server.connections
                    )
                )
            )
            assert batcher.waiting <= 1000 + 2 * in_one_read
            late.socket.shutdown(socket.SHUT_RDWR)
            pushing.join(20)
            late.close()
            disk_answers.set()
            sending.join(20)
            running.until(lambda: running.server.counters.stored == 6000, 60)
    assert Observation.objects.count() == 6000


def _environment() -> dict[str, str]:
    settings = connection.settings_dict
    url = psycopg.conninfo.make_conninfo(
        dbname=settings["NAME"], user=settings["USER"], host=settings["HOST"],
        port=settings["PORT"], password=settings["PASSWORD"],
    )  # fmt: skip
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "huying.config.settings",
        "HUYING_DATABASE_URL": url,
    }


def test_one_connection_too_many_is_closed_and_told(
    catalogue: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hj212_listener, "MOST_CONNECTIONS", 3)
    device = make_device()
    with RunningListener() as running:
        clients = [DeviceClient(running.port) for _ in range(3)]
        running.until(lambda: running.server.counters.connections == 3)
        for _ in range(2):
            with DeviceClient(running.port) as excess:
                assert excess.socket.recv(1) == b""
        assert clients[0].ask(frame(segment(device.mn))).cn == "9014"
        clients.pop().close()
        running.until(lambda: running.server.counters.connections == 2)
        with DeviceClient(running.port) as again:
            assert again.ask(frame(segment(device.mn))).cn == "9014"
        for client in clients:
            client.close()

    said = [line for line in caplog.messages if "more than 3 connections" in line]
    assert len(said) == 1


def test_the_limit_of_open_files_limits_the_connections(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for soft, most in ((1024, 924), (20_000, 10_000), (resource.RLIM_INFINITY, 10_000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert Server(host="127.0.0.1", port=0, by=INGEST).most_connections == most
    assert [line for line in caplog.messages if "924" in line]


@pytest.mark.slow
def test_more_than_a_thousand_devices_where_the_soft_limit_is_1024(catalogue: None) -> None:
    device = make_device(frames_per_minute=1_000_000)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files.raise_limit()  # this end holds as many
    hard = before[1]
    shell = "ulimit -Sn 1024 && exec "
    command = shell + shlex.join([sys.executable, "-m", "huying.config.cli", "ingest"])
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], env=_environment() | {"HUYING_HJ212_PORT": str(port)}
    )
    clients: list[DeviceClient] = []
    try:
        deadline = time.monotonic() + 60
        while len(clients) < 1_200:
            assert time.monotonic() < deadline
            try:
                clients.append(DeviceClient(port))
            except ConnectionRefusedError:
                time.sleep(0.1)
        begin = datetime.now(UTC) - timedelta(seconds=1_300)
        for n, client in enumerate(clients):
            client.send(frame(segment(device.mn, at=begin + timedelta(seconds=n))))
        assert {client.answer().cn for client in clients} == {"9014"}
        assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
        assert len(os.listdir(f"/proc/{process.pid}/fd")) > 1_200
        assert Observation.objects.count() == 1_200
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.slow
def test_two_processes_on_one_port_stop_cleanly(catalogue: None) -> None:
    device = make_device(frames_per_minute=1_000_000)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "huying.config.cli", "ingest", "--processes", "2"]
    process = subprocess.Popen(command, env=_environment() | {"HUYING_HJ212_PORT": str(port)})
    try:
        clients: list[DeviceClient] = []
        deadline = time.monotonic() + 40
        while len(clients) < 20:
            assert time.monotonic() < deadline
            try:
                clients.append(DeviceClient(port))
            except OSError:
                time.sleep(0.1)
        begin = datetime.now(UTC) - timedelta(seconds=60)
        same = frame(segment(device.mn, at=begin))
        for n, client in enumerate(clients):
            # Each its own reading, and all of them one and the same.
            own = frame(segment(device.mn, at=begin + timedelta(seconds=n + 1)))
            client.send(own + same)
        assert {client.answer().cn for client in clients for _ in range(2)} == {"9014"}
        assert Observation.objects.count() == 21
        for client in clients:
            client.close()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@contextmanager
def _a_device_that_does_not_read(
    running: RunningListener,
) -> Iterator[DeviceClient]:
    """It sends and sends, in a thread of its own, and the listener has given up reading it."""
    device = make_device(frames_per_minute=1_000_000)
    begin = datetime.now(UTC) - timedelta(hours=2)
    data = b"".join(frame(segment(device.mn, at=begin + timedelta(seconds=n))) for n in range(50))
    running.refresh()
    client = DeviceClient(running.port, window=2_048)
    sending = threading.Thread(target=_send_for_ever, args=(client.socket, data))
    sending.start()
    running.until(
        lambda: any(one._deaf_since is not None for one in running.server.connections), 60
    )
    yield client
    sending.join(20)
    assert not sending.is_alive(), "its connection has ended"
    client.close()


def _send_for_ever(line: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        while True:
            line.sendall(data)


def test_a_device_that_reads_no_answer_is_read_no_more_and_let_go(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hj212_listener, "UNREAD_BYTES", 4_096)
    monkeypatch.setattr(hj212_listener, "UNREAD_SECONDS", 0)
    other_device = make_device()
    with RunningListener() as running, _a_device_that_does_not_read(running):
        (connection_,) = running.server.connections
        assert connection_._transport is not None
        assert not connection_._transport.is_reading()
        with DeviceClient(running.port) as other:
            assert other.ask(frame(segment(other_device.mn))).cn == "9014", "others are read on"
        running.loop.call_soon_threadsafe(connection_.sweep, time.monotonic() + 1)


def test_a_device_that_reads_again_is_read_again(
    catalogue: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hj212_listener, "UNREAD_BYTES", 4_096)
    with RunningListener() as running, _a_device_that_does_not_read(running) as slow:
        read = running.server.counters.frames
        while running.server.counters.frames <= read + 100:
            assert slow.answer().cn == "9014"
        slow.socket.shutdown(socket.SHUT_RDWR)


def test_a_clock_that_was_set_back_silences_no_device(catalogue: None) -> None:
    device = make_device()
    log = HeardLog()
    now = time.time()
    log.note(device.pk, now + 86_400)
    assert log.write(now + 86_400) == 1
    log.note(device.pk, now)
    assert log.write(now) == 1
