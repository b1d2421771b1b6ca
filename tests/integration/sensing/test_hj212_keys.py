"""HJ 212 under SM4: both ways, with a wrong key, and no key over the line."""

import pytest

from huying.sensing import actions
from huying.sensing.models import (
    Observation,
    Quarantine,
)
from huying.standards import hj212
from tests.factories.sensing import SYSTEM, frame, make_device
from tests.integration.sensing.devices import DeviceClient, RunningListener, now, segment

pytestmark = pytest.mark.django_db(transaction=True)


def test_sm4_both_ways(listener: RunningListener) -> None:
    key = bytes(range(16))
    device = make_device(sm4_key=key.hex())
    sender = hj212.Sender(device.mn, "22", "123456", 2025, key)
    items = [hj212.Item("a34004", {"Rtd": 35})]
    (data,) = hj212.upload(sender, "2011", now(), items, qn=now())
    assert b"a34004" not in data
    listener.refresh()
    with DeviceClient(listener.port) as client:
        assert client.ask(data).cn == "9014"
        client.send(hj212.request_calibration(sender, now()))
        told = client.bytes_until(b"CN=1012")

    assert Observation.objects.get().values == [35.0]
    assert b"SystemTime" not in told
    *_, command = hj212.Deframer(key_of={device.mn: key}.get).feed(told)
    assert isinstance(command, hj212.Frame)
    assert command.encrypted
    assert hj212.parse_time(command.fields["SystemTime"]) is not None


@pytest.mark.parametrize("registered", ["", bytes(range(1, 17)).hex()])
def test_a_wrong_key_is_told_and_the_data_kept_until_it_is_mended(
    listener: RunningListener, registered: str
) -> None:
    key = bytes(range(16))
    device = make_device(sm4_key=registered or None)
    sender = hj212.Sender(device.mn, "22", "123456", 2025, key)
    (data,) = hj212.upload(sender, "2011", now(), [hj212.Item("a34004", {"Rtd": 35})], qn=now())
    listener.refresh()
    with DeviceClient(listener.port) as client:
        assert client.ask(data).fields["QnRtn"] == "9"
    listener.until(lambda: Quarantine.objects.exists())
    item = Quarantine.objects.get()
    assert (item.reason, item.mn) == ("WRONG_KEY", device.mn)

    actions.change_device(mn=device.mn, sm4_key=key.hex(), by=SYSTEM)
    assert actions.replay_quarantine(by=SYSTEM, reason="WRONG_KEY").accepted == 1
    assert Observation.objects.get().values == [35.0]


def test_a_key_over_the_line_is_refused_and_not_kept(listener: RunningListener) -> None:
    device = make_device(sm4_key="")
    secret = "0123456789abcdef0123456789abcdef"
    listener.refresh()
    with DeviceClient(listener.port) as client:
        for mn in (device.mn, "NOBODY"):
            text = segment(mn, cn="1014", flag=9).split("CP=")[0] + f"CP=&&Key={secret}&&"
            answer = client.ask(frame(text))
            assert answer.cn == "9011"
            assert answer.fields["QnRtn"] == ("2" if mn == device.mn else "4")

    listener.until(lambda: Quarantine.objects.count() == 2)
    kept = {item.reason: bytes(item.raw) for item in Quarantine.objects.all()}
    assert kept.keys() == {"KEY_REFUSED", "UNKNOWN_DEVICE"}
    assert not any(secret.encode() in raw for raw in kept.values())
