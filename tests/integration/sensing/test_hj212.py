"""HJ 212 over real sockets: what devices send, what they are told, what is kept."""

from datetime import timedelta

import pytest

from huying.sensing import actions, queries
from huying.sensing.models import (
    DeviceState,
    HourlyMean,
    Observation,
    Property,
    Quarantine,
)
from huying.standards import hj212
from tests.factories.sensing import SYSTEM, frame, make_device
from tests.integration.sensing.devices import DeviceClient, RunningListener, now, segment, stamp

pytestmark = pytest.mark.django_db(transaction=True)


def test_data_is_acknowledged_and_stored(listener: RunningListener) -> None:
    device = make_device()
    with DeviceClient(listener.port) as client:
        answer = client.ask(frame(segment(device.mn)))

    assert answer.cn == "9014"
    assert answer.mn == device.mn
    assert Observation.objects.get().values == [35.0]


def test_no_answer_where_none_is_wanted(listener: RunningListener) -> None:
    device = make_device()
    with DeviceClient(listener.port) as client:
        client.send(frame(segment(device.mn, flag=4, at=now() - timedelta(seconds=30))))
        answer = client.ask(frame(segment(device.mn)))

    assert answer.header.qn
    assert Observation.objects.count() == 2


def test_a_repeated_frame_is_acknowledged_and_stored_once(listener: RunningListener) -> None:
    device = make_device()
    data = frame(segment(device.mn))
    with DeviceClient(listener.port) as client:
        for _ in range(3):
            assert client.ask(data).cn == "9014"

    assert Observation.objects.count() == 1


def test_split_packets_and_several_in_one(listener: RunningListener) -> None:
    device = make_device()
    one = frame(segment(device.mn, at=now() - timedelta(seconds=20)))
    two = frame(segment(device.mn, at=now() - timedelta(seconds=10)))
    with DeviceClient(listener.port) as client:
        for byte in one[:40]:
            client.send(bytes([byte]))
        client.send(one[40:] + two)
        assert [client.answer().cn for _ in range(2)] == ["9014", "9014"]

    assert Observation.objects.count() == 2


def test_junk_between_frames_is_kept(listener: RunningListener) -> None:
    device = make_device()
    with DeviceClient(listener.port) as client:
        assert client.ask(b"hello\x00\xff" + frame(segment(device.mn))).cn == "9014"

    listener.until(lambda: Quarantine.objects.exists())
    item = Quarantine.objects.get()
    assert (item.reason, bytes(item.raw)) == ("JUNK", b"hello\x00\xff")


def test_half_a_frame_is_kept(listener: RunningListener) -> None:
    device = make_device()
    data = frame(segment(device.mn))
    with DeviceClient(listener.port) as client:
        client.send(data[:100])

    listener.until(lambda: Quarantine.objects.exists())
    item = Quarantine.objects.get()
    assert (item.reason, item.mn, bytes(item.raw)) == ("TRUNCATED", device.mn, data[:100])


def test_a_broken_crc_is_told(listener: RunningListener) -> None:
    device = make_device()
    data = frame(segment(device.mn)).replace(b"Rtd=35", b"Rtd=36")
    with DeviceClient(listener.port) as client:
        answer = client.ask(data)

    assert (answer.cn, answer.fields["QnRtn"]) == ("9011", "9")
    listener.until(lambda: Quarantine.objects.filter(reason="CRC_WRONG").exists())
    assert not Observation.objects.exists()


def test_lower_case_crc_is_fine(listener: RunningListener) -> None:
    device = make_device()
    data = frame(segment(device.mn))
    with DeviceClient(listener.port) as client:
        assert client.ask(data[:-6] + data[-6:].lower()).cn == "9014"


def test_a_wrong_password_is_told_and_can_be_replayed(listener: RunningListener) -> None:
    device = make_device(password="654321")
    with DeviceClient(listener.port) as client:
        answer = client.ask(frame(segment(device.mn)))
    assert answer.fields["QnRtn"] == "3"

    actions.change_device(mn=device.mn, password="123456", by=SYSTEM)
    result = actions.replay_quarantine(by=SYSTEM, reason="WRONG_PASSWORD")

    assert result.accepted == 1
    assert Observation.objects.count() == 1


def test_a_foreign_device_is_told_and_its_data_kept_until_it_is_registered(
    listener: RunningListener,
) -> None:
    with DeviceClient(listener.port) as client:
        answer = client.ask(frame(segment("FOREIGN0001")))
        assert answer.fields["QnRtn"] == "4"
    assert actions.replay_quarantine(by=SYSTEM, mn="FOREIGN0001").refused == 1

    make_device("FOREIGN0001")
    assert actions.replay_quarantine(by=SYSTEM, reason="UNKNOWN_DEVICE").accepted == 1
    assert Quarantine.objects.get().outcome == "ACCEPTED"
    with pytest.raises(actions.NothingToReplay):
        actions.replay_quarantine(by=SYSTEM, reason="UNKNOWN_DEVICE")


def test_an_unknown_command_is_told(listener: RunningListener) -> None:
    device = make_device()
    listener.refresh()
    with DeviceClient(listener.port) as client:
        answer = client.ask(frame(segment(device.mn, cn="3015")))

    assert answer.fields["QnRtn"] == "8"


def test_a_frame_from_the_future_is_kept(listener: RunningListener) -> None:
    device = make_device()
    ahead = now() + timedelta(minutes=11)
    with DeviceClient(listener.port) as client:
        client.send(frame(segment(device.mn, at=ahead)))
        assert client.answer().cn == "9014"  # safe: in quarantine

    assert Quarantine.objects.get().reason == "FUTURE"
    assert not Observation.objects.exists()


def test_an_oversized_frame_does_not_stop_the_next(listener: RunningListener) -> None:
    device = make_device()
    huge = b"##9999" + b"A" * 12_000
    with DeviceClient(listener.port) as client:
        assert client.ask(huge + frame(segment(device.mn))).cn == "9014"

    assert Observation.objects.count() == 1
    listener.until(lambda: Quarantine.objects.exists())


def test_bytes_that_are_no_text(listener: RunningListener) -> None:
    device = make_device()
    bad = segment(device.mn, flag=4).encode().replace(b"a34004-Rtd=35", b"a34004-Rtd=\xff\xfe")
    with DeviceClient(listener.port) as client:
        client.send(hj212.encode_segment(bad))
        assert client.ask(frame(segment(device.mn))).cn == "9014"

    listener.until(lambda: Quarantine.objects.exists())
    assert Observation.objects.count() == 1


def test_impossible_values_are_kept_one_by_one(listener: RunningListener) -> None:
    device = make_device()
    items = "a34004-Rtd=NaN,a34004-Flag=N;a34002-Rtd=60,a34002-Flag=N;a21026-Rtd=-4,a21026-Flag=N"
    with DeviceClient(listener.port) as client:
        assert client.ask(frame(segment(device.mn, items))).cn == "9014"

    assert Observation.objects.get().values == [60.0]
    item = Quarantine.objects.get()
    assert item.reason == "NOT_A_NUMBER"
    assert item.detail["others"][0]["reason"] == "NEGATIVE"


def test_a_message_of_several_packets(listener: RunningListener) -> None:
    device = make_device()
    at, sent = now(), now()
    first = segment(device.mn, "a34004-Rtd=35,a34004-Flag=N", flag=7, at=at, qn=sent,
                    packet="PNUM=2;PNO=1;")  # fmt: skip
    second = segment(device.mn, "", flag=7, at=at, qn=sent, packet="PNUM=2;PNO=2;").replace(
        f"DataTime={stamp(at)}", "a34002-Rtd=60,a34002-Flag=N"
    )
    with DeviceClient(listener.port) as client:
        assert client.ask(frame(first)).cn == "9014"
        assert client.ask(frame(second)).cn == "9014"

    assert Observation.objects.get().values == [35.0, 60.0]


def test_packets_in_the_wrong_order(listener: RunningListener) -> None:
    device = make_device()
    at, sent = now(), now()
    numbers = [segment(device.mn, f"a3400{c}-Rtd=35", flag=7, at=at, qn=sent,
                       packet=f"PNUM=2;PNO={n};") for n, c in ((1, 4), (2, 2))]  # fmt: skip
    with DeviceClient(listener.port) as client:
        for text in reversed(numbers):
            assert client.ask(frame(text)).cn == "9014"

    assert sorted(Observation.objects.get().values) == [35.0, 35.0]


def test_the_form_of_2005(listener: RunningListener) -> None:
    device = make_device(kind="WATER", units={})
    text = (
        f"ST=32;CN=2011;PW=123456;MN={device.mn};CP=&&DataTime={stamp(now())};"
        "011-Rtd=231.0,011-Flag=N;060-Rtd=1.803,060-Flag=N&&"
    )
    with DeviceClient(listener.port) as client:
        client.send(frame(text))
        listener.until(lambda: Observation.objects.exists())

    station = queries.latest_values(SYSTEM)[0]
    assert {value.code: value.value for value in station.values} == {
        "w01018": 231.0,
        "w21003": 1.803,
    }


def test_raw_data_stand_beside_those_that_count(listener: RunningListener) -> None:
    device = make_device()
    at = now()
    with DeviceClient(listener.port) as client:
        assert client.ask(frame(segment(device.mn, at=at, flag=9))).cn == "9014"
        items = "a34004-Rtd=41,a34004-Flag=N"
        for moment in (at, at - timedelta(seconds=30)):
            raw = frame(segment(device.mn, items, cn="2013", at=moment, flag=9))
            assert client.ask(raw).cn == "9014"

    named = {code.id: code.code for code in Property.objects.all()}
    found = [
        dict(zip((named[n] for n in row.properties), row.values, strict=True))
        for row in Observation.objects.order_by("at")
    ]
    assert found == [{"a34004-Raw": 41.0}, {"a34004": 35.0, "a34004-Raw": 41.0}]


def test_a_heartbeat_is_answered_with_one(listener: RunningListener) -> None:
    device = make_device()
    text = segment(device.mn, cn="9015", flag=9).split("CP=")[0] + "CP=&&&&"
    listener.refresh()
    with DeviceClient(listener.port) as client:
        client.send(frame(text.replace("Flag=9", "Flag=8")))  # wants none
        answer = client.ask(frame(text))
        assert client.ask(frame(segment(device.mn))).cn == "9014"

    assert (answer.cn, answer.header.reply_wanted) == ("9015", False)
    assert answer.header.qn in text
    assert not Quarantine.objects.exists()
    actions.heard_log.write(now().timestamp(), all_of_it=True)
    assert DeviceState.objects.get(device=device).frames == 3


def test_a_flood_from_one_device_leaves_the_others_alone(listener: RunningListener) -> None:
    noisy = make_device(frames_per_minute=5)
    quiet = make_device()
    begin = now() - timedelta(seconds=60)
    flood = b"".join(
        frame(segment(noisy.mn, flag=4, at=begin + timedelta(seconds=n))) for n in range(50)
    )
    listener.refresh()
    with DeviceClient(listener.port) as bad, DeviceClient(listener.port) as good:
        good.ask(frame(segment(quiet.mn, at=begin)))  # both devices are known to the listener
        bad.send(flood)
        listener.until(lambda: listener.server.counters.flooded >= 45 - 5)
        assert good.ask(frame(segment(quiet.mn))).cn == "9014"

    listener.until(lambda: Quarantine.objects.filter(reason="FLOOD").count() >= 40)
    assert Observation.objects.filter(device=quiet).count() == 2
    assert Observation.objects.filter(device=noisy).count() <= 10  # a minute may turn meanwhile
    actions.heard_log.write(now().timestamp(), all_of_it=True)
    assert DeviceState.objects.get(device=noisy).flooded_at is not None


def test_a_thousand_connections(listener: RunningListener) -> None:
    device = make_device(frames_per_minute=100_000)
    begin = now() - timedelta(hours=1)
    clients = [DeviceClient(listener.port) for _ in range(1000)]
    for n, client in enumerate(clients):
        client.send(frame(segment(device.mn, at=begin + timedelta(seconds=n))))
    assert {client.answer().cn for client in clients} <= {"9014", "1012"}
    assert listener.server.counters.connections == 1000
    for client in clients:
        client.close()

    assert Observation.objects.count() == 1000


def test_the_hour_a_device_reports(listener: RunningListener) -> None:
    device = make_device()
    hour = now().replace(minute=0, second=1, microsecond=0) - timedelta(hours=1)
    items = "a34004-Min=20,a34004-Avg=35,a34004-Max=50,a34004-Flag=N"
    with DeviceClient(listener.port) as client:
        client.ask(frame(segment(device.mn, items, cn="2061", at=hour)))

    row = HourlyMean.objects.get()
    assert row.at == hour.replace(second=0)
    assert (row.means, row.minima, row.maxima, row.origins) == ([35.0], [20.0], [50.0], "D")


def test_a_stop_finishes_what_was_received(catalogue: None) -> None:
    device = make_device(frames_per_minute=100_000)
    begin = now() - timedelta(hours=1)
    data = b"".join(
        frame(segment(device.mn, flag=4, at=begin + timedelta(seconds=n))) for n in range(500)
    )
    with RunningListener() as running, DeviceClient(running.port) as client:
        client.send(data)
        running.until(lambda: running.server.counters.frames >= 500)

    assert Observation.objects.count() == 500
    health = queries.listener_health()[0]
    assert (health.is_alive, health.stored) == (False, 500)
