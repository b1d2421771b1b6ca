"""HJ 212: how environmental monitors talk to a host over TCP (2005, 2017 and 2025 editions).

``Deframer`` cuts a byte stream into ``Frame`` and ``Refused`` values; ``Reassembler`` joins
messages of several packets; ``answer`` and the commands of ``building`` talk back; ``codes``
names substances, systems and commands.
"""

from huying.standards.hj212.building import (
    CannotEncode,
    Item,
    Sender,
    answer,
    command,
    data_answer,
    encode_segment,
    execution_result,
    notice_answer,
    request_answer,
    request_calibration,
    request_history,
    request_time,
    set_minute_interval,
    set_password,
    set_realtime_interval,
    set_time,
    start_realtime,
    stop_realtime,
    upload,
)
from huying.standards.hj212.cipher import decrypt_cp, encrypt_cp
from huying.standards.hj212.codes import (
    COMMANDS,
    PERIOD_SECONDS,
    SUBSTANCES,
    SYSTEMS,
    Substance,
    modern_code,
    substance,
)
from huying.standards.hj212.crc import crc, crc_bitwise, crc_text
from huying.standards.hj212.deframer import LONGEST_SEGMENT, STANDARD_SEGMENT, Deframer
from huying.standards.hj212.frames import (
    DATA_FLAGS,
    Frame,
    Header,
    Reading,
    counts,
    format_time,
    parse_frame,
    parse_segment,
    parse_time,
    peek_header,
)
from huying.standards.hj212.reassembly import Reassembler, merge
from huying.standards.hj212.refusals import ExeRtn, QnRtn, Reason, Refused

__all__ = [
    "COMMANDS",
    "DATA_FLAGS",
    "LONGEST_SEGMENT",
    "PERIOD_SECONDS",
    "STANDARD_SEGMENT",
    "SUBSTANCES",
    "SYSTEMS",
    "CannotEncode",
    "Deframer",
    "ExeRtn",
    "Frame",
    "Header",
    "Item",
    "QnRtn",
    "Reading",
    "Reason",
    "Reassembler",
    "Refused",
    "Sender",
    "Substance",
    "answer",
    "command",
    "counts",
    "crc",
    "crc_bitwise",
    "crc_text",
    "data_answer",
    "decrypt_cp",
    "encode_segment",
    "encrypt_cp",
    "execution_result",
    "format_time",
    "merge",
    "modern_code",
    "notice_answer",
    "parse_frame",
    "parse_segment",
    "parse_time",
    "peek_header",
    "request_answer",
    "request_calibration",
    "request_history",
    "request_time",
    "set_minute_interval",
    "set_password",
    "set_realtime_interval",
    "set_time",
    "start_realtime",
    "stop_realtime",
    "substance",
    "upload",
]
