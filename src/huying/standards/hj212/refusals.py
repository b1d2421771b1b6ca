"""Why a piece of a byte stream is not a frame, in words and in HJ 212's own codes."""

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from huying.standards.errors import InvalidInput

if TYPE_CHECKING:
    from huying.standards.hj212.frames import Header


class QnRtn(IntEnum):
    """请求命令返回 (HJ 212-2017, table 5): the answer to a request, in a 9011."""

    READY = 1
    REFUSED = 2
    PW_WRONG = 3
    MN_WRONG = 4
    ST_WRONG = 5
    FLAG_WRONG = 6
    QN_WRONG = 7
    CN_WRONG = 8
    CRC_WRONG = 9
    UNKNOWN = 100


class ExeRtn(IntEnum):
    """执行结果 (HJ 212-2017, table 4): how a request went, in a 9012."""

    DONE = 1
    FAILED = 2
    CONDITION_WRONG = 3
    TIMED_OUT = 4
    BUSY = 5
    FAULT = 6
    NO_DATA = 100


class Reason(StrEnum):
    """The stable code of a refusal."""

    JUNK = "JUNK"
    TRUNCATED = "TRUNCATED"
    LENGTH_WRONG = "LENGTH_WRONG"
    TOO_LONG = "TOO_LONG"
    CRC_WRONG = "CRC_WRONG"
    WRONG_KEY = "WRONG_KEY"
    NOT_READABLE = "NOT_READABLE"
    QN_WRONG = "QN_WRONG"
    ST_WRONG = "ST_WRONG"
    CN_WRONG = "CN_WRONG"
    MN_WRONG = "MN_WRONG"
    FLAG_WRONG = "FLAG_WRONG"
    PACKETS_MISSING = "PACKETS_MISSING"


_WORDS = {
    Reason.JUNK: (
        "帧与帧之间夹有无法识别的字节，已留存；请检查数采仪的输出或线路干扰",
        "bytes between frames are not understood; they were kept. Check the data logger's "
        "output and the line for noise",
    ),
    Reason.TRUNCATED: (
        "数据帧不完整，后半部分没有收到；请让设备补传",
        "the frame is cut short, its end never came; let the device send it again",
    ),
    Reason.LENGTH_WRONG: (
        "包头长度与数据段实际长度不符；请检查数采仪的组包程序",
        "the length in the header is not that of the segment; check how the logger packs",
    ),
    Reason.TOO_LONG: (
        "数据段超过允许的最大长度；请拆分成多包发送",
        "the segment is longer than allowed; split it into several packets",
    ),
    Reason.CRC_WRONG: (
        "CRC 校验不符，数据可能在传输中损坏；请让设备重发，或检查其 CRC 算法",
        "the CRC does not match, the data may be damaged; let the device send it again or "
        "check its CRC routine",
    ),
    Reason.WRONG_KEY: (
        "密文无法解开；请核对该设备的 SM4 密钥",
        "what is encrypted does not decrypt; check the SM4 key of the device",
    ),
    Reason.NOT_READABLE: (
        "数据段缺少必要字段或格式不对；应含 ST、CN、MN 和 CP=&&…&&",
        "the segment lacks fields or is malformed; it must have ST, CN, MN and CP=&&…&&",
    ),
    Reason.QN_WRONG: (
        "请求编号 QN 应为 17 位时间 YYYYMMDDhhmmsszzz",
        "QN must be a time of 17 digits, YYYYMMDDhhmmsszzz",
    ),
    Reason.ST_WRONG: ("系统编码 ST 应为 2 位数字", "ST must have 2 digits"),
    Reason.CN_WRONG: ("命令编码 CN 应为 4 位数字", "CN must have 4 digits"),
    Reason.MN_WRONG: (
        "设备唯一标识 MN 为空或过长",
        "MN, the identity of the device, is empty or too long",
    ),
    Reason.FLAG_WRONG: (
        "拆分包及应答标志 Flag 应为 0 至 255 的数字，并与 PNUM、PNO 相符",
        "Flag must be a number from 0 to 255 and agree with PNUM and PNO",
    ),
    Reason.PACKETS_MISSING: (
        "分包数据没有收齐；请让设备补传",
        "some packets of the message never came; let the device send it again",
    ),
}
_QN_RTN = {
    Reason.CRC_WRONG: QnRtn.CRC_WRONG,
    # The standard has no code for it: what the other side decrypts has the wrong CRC.
    Reason.WRONG_KEY: QnRtn.CRC_WRONG,
    Reason.QN_WRONG: QnRtn.QN_WRONG,
    Reason.ST_WRONG: QnRtn.ST_WRONG,
    Reason.CN_WRONG: QnRtn.CN_WRONG,
    Reason.MN_WRONG: QnRtn.MN_WRONG,
    Reason.FLAG_WRONG: QnRtn.FLAG_WRONG,
}


class Refused(InvalidInput):
    """Bytes that are not a valid frame: raised by ``parse_frame``, yielded by ``Deframer``.

    ``raw`` is what was received (for quarantine and replay), ``header`` what could be read
    of the sender (``None`` if nothing), ``offset`` where ``raw`` began in the stream,
    ``qn_rtn`` what to answer in a 9011.
    """

    def __init__(
        self, reason: Reason, raw: bytes, header: "Header | None" = None, offset: int = 0
    ) -> None:
        self.reason = reason
        self.raw = raw
        self.header = header
        self.offset = offset
        zh, en = _WORDS[reason]
        super().__init__(f"{zh}。", f"{en[0].upper()}{en[1:]}.", code=reason.value)

    @property
    def qn_rtn(self) -> QnRtn:
        """The code to answer with."""
        return _QN_RTN.get(self.reason, QnRtn.UNKNOWN)

    def __repr__(self) -> str:
        return f"<Refused {self.code} {self.raw[:60]!r}>"
