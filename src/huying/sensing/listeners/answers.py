"""What HJ 212 owes a sender (HJ 212-2017, 6.5 and table 5), if it asked for an answer."""

from collections.abc import Mapping
from typing import Final

from huying.sensing.actions import Outcome
from huying.sensing.rules.readings import QUARANTINED
from huying.standards import hj212
from huying.standards.hj212 import QnRtn

_CODES: Final[Mapping[str, QnRtn]] = {
    "UNKNOWN_DEVICE": QnRtn.MN_WRONG,
    "DEVICE_DISABLED": QnRtn.REFUSED,
    "WRONG_PASSWORD": QnRtn.PW_WRONG,
}


def is_stranger(outcome: Outcome) -> bool:
    """Whether the door does not know the device."""
    return bool(outcome.refusals) and outcome.refusals[0].reason == "UNKNOWN_DEVICE"


def for_outcome(header: hj212.Header, outcome: Outcome | None, key: bytes | None) -> bytes | None:
    """9014 once the data is safe, in the tables or in quarantine; 9011 with the reason where
    the sender itself is refused; nothing where it asked for nothing or must send again."""
    if outcome is None or not header.reply_wanted:
        return None
    if outcome.result == QUARANTINED and outcome.refusals:
        code = _CODES.get(outcome.refusals[0].reason)
        if code is not None:
            return hj212.request_answer(header, code, key=key)
    return hj212.data_answer(header, key=key)


def for_refusal(refused: hj212.Refused, key: bytes | None = None) -> bytes | None:
    """9011 with what was wrong about a frame that could not be read."""
    header = refused.header
    if header is None or not header.reply_wanted or not header.qn:
        return None
    return hj212.request_answer(header, refused.qn_rtn, key=key)
