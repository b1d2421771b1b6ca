"""HJ 212 devices and time: their clock is set, what they say to it, when they started."""

from datetime import timedelta

import pytest

from huying.sensing import actions, queries
from huying.sensing.listeners import commands
from huying.sensing.models import (
    Device,
    DeviceState,
)
from huying.standards import hj212
from huying.standards.hj212 import ExeRtn, QnRtn
from tests.factories.sensing import SYSTEM, frame, make_device
from tests.integration.sensing.devices import DeviceClient, RunningListener, now, segment, stamp

pytestmark = pytest.mark.django_db(transaction=True)


def clock_of(device: Device) -> tuple[str, int | None]:
    actions.heard_log.write(now().timestamp(), all_of_it=True)
    state = DeviceState.objects.get(device=device)
    return state.clock_result, state.clock_code


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        ([], ("SENT", None)),
        ([QnRtn.READY], ("ACCEPTED", None)),
        ([QnRtn.READY, ExeRtn.DONE], ("DONE", None)),
        ([ExeRtn.DONE], ("DONE", None)),
        ([QnRtn.PW_WRONG], ("REFUSED", 3)),
        ([QnRtn.READY, ExeRtn.FAULT], ("FAILED", 6)),
    ],
)
def test_what_a_device_says_to_its_clock_being_set(
    listener: RunningListener, answers: list[QnRtn | ExeRtn], result: tuple[str, int | None]
) -> None:
    device = make_device()
    wrong = now() - timedelta(minutes=30)
    listener.refresh()
    with DeviceClient(listener.port) as client:
        client.send(frame(segment(device.mn, at=wrong, qn=wrong, flag=4)))
        command = client.answer()
        assert command.cn == "1012"
        for code in answers:
            client.send(said(command.header, code))
        assert client.ask(frame(segment(device.mn))).cn == "9014"

    assert clock_of(device) == result
    row = queries.latest_values(SYSTEM, mn=device.mn)[0]
    assert (row.drift_seconds is None) == (result[0] == "DONE")


def said(header: hj212.Header, code: QnRtn | ExeRtn) -> bytes:
    if isinstance(code, QnRtn):
        return hj212.request_answer(header, code)
    return hj212.execution_result(header, code)


def test_an_answer_to_something_else_is_passed_over(listener: RunningListener) -> None:
    device = make_device()
    listener.refresh()
    with DeviceClient(listener.port) as client:
        client.send(hj212.request_calibration(hj212.Sender(device.mn, "22"), now()))
        _notice, command = client.answer(), client.answer()
        other = command.header._replace(qn=stamp(now() - timedelta(days=1), milliseconds=True))
        client.send(hj212.request_answer(other, QnRtn.REFUSED))
        assert client.ask(frame(segment(device.mn))).cn == "9014"

    assert clock_of(device) == ("SENT", None)


def test_a_clock_command_without_an_answer_is_sent_four_times(
    listener: RunningListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ANSWER_SECONDS", 0.05)
    device = make_device()
    listener.refresh()
    with DeviceClient(listener.port) as client:
        client.send(hj212.request_calibration(hj212.Sender(device.mn, "22"), now()))
        assert client.answer().cn == "9013"
        sent = [client.answer() for _ in range(4)]
        listener.until(lambda: clock_of(device)[0] == "NO_ANSWER")
        assert client.ask(frame(segment(device.mn))).cn == "9014"  # and no fifth

    assert {one.cn for one in sent} == {"1012"}
    assert len({one.header.qn for one in sent}) == 1
    assert clock_of(device) == ("NO_ANSWER", None)


def test_a_clock_that_is_off_is_set(listener: RunningListener) -> None:
    device = make_device()
    wrong = now() - timedelta(minutes=30)
    listener.refresh()
    with DeviceClient(listener.port) as client:
        client.send(frame(segment(device.mn, at=wrong, qn=wrong)))
        answers = {client.answer().cn: None for _ in range(2)}
        # Once is enough for an hour.
        later = wrong + timedelta(seconds=5)
        assert client.ask(frame(segment(device.mn, at=later, qn=later))).cn == "9014"

    assert set(answers) == {"1012", "9014"}
    actions.heard_log.write(now().timestamp(), all_of_it=True)
    drift = DeviceState.objects.get(device=device).drift_seconds
    assert drift is not None
    assert -1810 < drift < -1790


def test_a_device_that_asks_for_the_time_gets_it(listener: RunningListener) -> None:
    device = make_device()
    data = hj212.request_calibration(hj212.Sender(device.mn, "22"), now())
    listener.refresh()
    with DeviceClient(listener.port) as client:
        client.send(data)
        notice, command = client.answer(), client.answer()

    assert (notice.cn, command.cn) == ("9013", "1012")
    told = hj212.parse_time(command.fields["SystemTime"])
    assert told is not None
    assert abs((told - now()).total_seconds()) < 5


def test_boot_time_is_noted(listener: RunningListener) -> None:
    device = make_device()
    booted = now() - timedelta(hours=3)
    listener.refresh()
    with DeviceClient(listener.port) as client:
        text = segment(device.mn, f"RestartTime={stamp(booted)}", cn="2081")
        assert client.ask(frame(text)).cn == "9014"

    actions.heard_log.write(now().timestamp(), all_of_it=True)
    state = DeviceState.objects.get(device=device)
    assert state.last_booted_at == booted.replace(microsecond=0)
