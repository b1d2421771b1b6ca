"""HJ 212 over TCP: thousands of devices, one process an event loop, one port for them all.

Bytes → frames → readings → the one door; the answer (9014) follows the commit. What cannot be
read is answered with its code and kept. See FACTS of the standard in `standards.hj212`.
"""

import asyncio
import logging
import os
import resource
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from huying.directory.permissions import Actor
from huying.sensing import queries
from huying.sensing.actions import Kept, Outcome, Reading, Refusal, heard_log
from huying.sensing.listeners import answers
from huying.sensing.listeners.batching import Batcher
from huying.sensing.listeners.commands import ClockCommands
from huying.sensing.listeners.flood import KEPT_A_MINUTE, KeptLimit, MinuteLimit
from huying.sensing.queries import DeviceProfile
from huying.sensing.rules import frames
from huying.sensing.rules.quick import Quick, Shapes
from huying.standards import hj212
from huying.telemetry import metrics

_logger = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 10_000
OTHER_FILES: Final = 100
"""What a listener needs open beside its connections: the database, logs, libraries."""
IDLE_SECONDS: Final = 2 * 3600
DRIFT_SECONDS: Final = 120
SYNC_EVERY_SECONDS: Final = 3600
STOP_SECONDS: Final = 10
UNREAD_BYTES: Final = 256 * 1024
"""Answers a device has not read; beyond that nothing more is read from it."""
SEND_BYTES: Final = 64 * 1024
"""What the system holds of them on its own account; by itself it would take megabytes."""
UNREAD_SECONDS: Final = 60
"""How long it may leave them unread; then its connection is reset, and it begins anew."""
_HEAD: Final = 6
_CHECK: Final = 4

Token = tuple["Connection", hj212.Header, bytes | None]


class Server:
    """One listener process. `start`, then `run` until `stop` is called in its event loop."""

    def __init__(self, *, host: str, port: int, by: Actor, batch_limit: int = 4_000) -> None:
        self.by = by
        self.connections: set[Connection] = set()
        self.batcher: Batcher[Token] = Batcher(
            name=f"hj212@{socket.gethostname()}:{os.getpid()}",
            kind="HJ212",
            by=by,
            settle=self._settle,
            on_full=self._pause_all,
            on_room=self._resume_all,
            batch_limit=batch_limit,
        )
        self.counters = self.batcher.counters
        self.frame_limit = MinuteLimit()
        self.kept_limit = KeptLimit()
        self.strangers = MinuteLimit()
        """Frames of devices the door did not know, by connection: it alone knows the newest."""
        self.most_connections = _most_connections()
        self.turned_away = MinuteLimit()
        self.shapes = Shapes()
        self.clocks = ClockCommands(self._note_clock)
        self.synced: OrderedDict[str, float] = OrderedDict()
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._stopped = asyncio.Event()

    async def start(self) -> int:
        """Listen; the port (useful with port 0)."""
        await self.batcher.prepare()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self), self._host, self._port, reuse_port=True, backlog=4096
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def run(self) -> None:
        """Until `stop`: then nothing more is read, what was read is committed and answered."""
        writer = asyncio.create_task(self.batcher.run())
        sweeper = asyncio.create_task(self._sweep())
        await self._stopped.wait()
        if self._server is not None:
            self._server.close()
        sweeper.cancel()
        self.clocks.close()
        self._pause_all()
        self.batcher.stop()
        try:
            await asyncio.wait_for(writer, STOP_SECONDS)
        finally:
            for connection in list(self.connections):
                connection.close()
            # One turn of the loop, so that the last answers leave.
            await asyncio.sleep(0)

    def stop(self) -> None:
        self._stopped.set()

    def turn_away(self) -> None:
        """Say so, once a minute: one connection too many."""
        metrics.CONNECTIONS_REFUSED.inc()
        if self.turned_away.add("", time.monotonic()) == 1:
            _logger.warning(
                "HJ 212: more than %d connections; further ones are closed at once",
                self.most_connections,
            )

    def profile(self, mn: str) -> DeviceProfile | None:
        """The device as the writer last read it: never a query in the event loop."""
        known = queries.held_registry()
        return known.devices.get(mn) if known is not None else None

    def key_of(self, mn: str) -> bytes | None:
        profile = self.profile(mn)
        return profile.sm4_key if profile is not None else None

    def keep(
        self,
        reason: str,
        raw: bytes | Callable[[], bytes],
        mn: str,
        peer: str,
        detail: dict[str, object],
    ) -> None:
        """Into quarantine, within the sender's limit and that of all."""
        if self.kept_limit.takes(mn or peer, time.monotonic()):
            sent = raw() if callable(raw) else raw
            self.batcher.keep(Kept(reason, sent, mn, detail, "HJ212", peer))
        else:
            self.counters.quarantined += 1

    def _settle(
        self, batch: Sequence[tuple[Reading, Token]], outcomes: Sequence[Outcome | None]
    ) -> None:
        replies: dict[Connection, list[bytes]] = {}
        for (_reading, (connection, header, key)), outcome in zip(batch, outcomes, strict=True):
            parts = replies.get(connection)
            if parts is None:
                parts = replies[connection] = []
            connection.unsettled -= 1
            if outcome is not None and answers.is_stranger(outcome):
                self.strangers.add(connection.peer, time.monotonic())
            reply = answers.for_outcome(header, outcome, key)
            if reply is not None:
                parts.append(reply)
        for connection, parts in replies.items():
            connection.send(b"".join(parts))
            connection.close_if_done()

    def _note_clock(self, mn: str, result: str, code: int | None) -> None:
        profile = self.profile(mn)
        if profile is not None:
            heard_log.note_clock(profile.id, time.time(), result, code)

    def _pause_all(self) -> None:
        for connection in self.connections:
            connection.pause()

    def _resume_all(self) -> None:
        for connection in self.connections:
            connection.resume()

    async def _sweep(self) -> None:
        """Give up half messages, end connections nobody uses."""
        while True:
            await asyncio.sleep(15)
            now = time.monotonic()
            for connection in list(self.connections):
                connection.sweep(now)


class Connection(asyncio.Protocol):
    """One device, or a gateway with many behind it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._deframer = hj212.Deframer(key_of=server.key_of)
        self._carry = b""
        self._packets = hj212.Reassembler(capacity=100)
        self._packet_times: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()
        self._transport: asyncio.Transport | None = None
        self._used_at = time.monotonic()
        self._ended = False
        self._deaf_since: float | None = None
        """Since when it leaves too many answers unread; None where it reads."""
        self.unsettled = 0
        """Readings of this connection that wait for their commit."""
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's own class
        host = transport.get_extra_info("peername") or ("", 0)
        self.peer = f"{host[0]}:{host[1]}"
        transport.set_write_buffer_limits(high=UNREAD_BYTES)  # type: ignore[attr-defined]  # a socket's
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        if len(self._server.connections) >= self._server.most_connections:
            self._server.turn_away()
            transport.close()
            return
        self._server.connections.add(self)
        self._server.counters.connections = len(self._server.connections)

    def connection_lost(self, error: Exception | None) -> None:
        self._finish_reading()
        self._transport = None
        self._server.connections.discard(self)
        self._server.counters.connections = len(self._server.connections)

    def data_received(self, data: bytes) -> None:
        self._used_at = time.monotonic()
        if self._server.batcher.is_full:
            # It came while the queue was full: before its first bytes it cannot be paused.
            self.pause()
        if self._carry:
            data, self._carry = self._carry + data, b""
        if self._deframer.pending:
            self._read_thoroughly(data)
            return
        position, is_plain = self._read_quickly(data)
        if position < len(data):
            rest = data[position:]
            # Half a frame waits for its other half, unless a new one begins within it.
            if is_plain and rest.find(b"##", 2) < 0:
                self._carry = rest
            else:
                self._read_thoroughly(rest)

    def _read_quickly(self, data: bytes) -> tuple[int, bool]:
        """Take whole, sound frames; how far it came, and whether what follows looks like the
        beginning of another."""
        position, size = 0, len(data)
        shapes, peer = self._server.shapes, self.peer
        while True:
            while data[position : position + 1] in (b"\r", b"\n"):
                position += 1
            if size - position < _HEAD:
                return position, data.startswith(b"##"[: size - position], position)
            if data[position : position + 2] != b"##":
                return position, False
            digits = data[position + 2 : position + _HEAD]
            if not digits.isdigit():
                return position, False
            begin = position + _HEAD
            end = begin + int(digits)
            if end + _CHECK > size:
                return position, True
            segment, check = data[begin:end], data[end : end + _CHECK]
            if check.upper() != hj212.crc_text(segment):
                return position, False
            position = end + _CHECK
            found = shapes.read(segment, peer)
            if found is None:
                self._read_thoroughly(data[begin - _HEAD : position])
            else:
                self._take_quick(found)

    def _read_thoroughly(self, data: bytes) -> None:
        for piece in self._deframer.feed(data):
            if isinstance(piece, hj212.Refused):
                self._refuse(piece)
            else:
                self._take(piece)

    def _take_quick(self, found: Quick) -> None:
        """As `_take`, for a data frame that needed no looking at."""
        server = self._server
        header, reading = found
        server.counters.frames += 1
        profile = server.profile(reading.mn)
        now, tick = time.time(), time.monotonic()
        if profile is None:
            if server.strangers.count(self.peer, tick) >= KEPT_A_MINUTE:
                server.counters.quarantined += 1
                self._reply(hj212.request_answer(header, hj212.QnRtn.MN_WRONG), header)
                return
        elif server.frame_limit.add(reading.mn, tick) > profile.frames_per_minute:
            self._flooded(partial(hj212.encode_segment, reading.raw), profile, now)
            return
        elif abs(reading.at - now) > DRIFT_SECONDS:
            self._check_clock(header, reading.at, profile, now)
        self.unsettled += 1
        server.batcher.put(reading, (self, header, profile.sm4_key if profile else None))

    def eof_received(self) -> bool:
        """Nothing more will come, but answers to what came are still owed."""
        self._ended = True
        self._finish_reading()
        return self.unsettled > 0

    def _finish_reading(self) -> None:
        if self._carry:
            rest, self._carry = self._carry, b""
            self._read_thoroughly(rest)
        for refused in self._deframer.close():
            self._refuse(refused)

    def close_if_done(self) -> None:
        if self._ended and self.unsettled == 0:
            self.close()

    def send(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume(self) -> None:
        if (
            self._transport is not None
            and not self._transport.is_closing()
            and self._deaf_since is None
            and not self._server.batcher.is_full
        ):
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """It does not read its answers: so that they do not pile up here, it is not read either."""
        self._deaf_since = time.monotonic()
        self.pause()

    def resume_writing(self) -> None:
        self._deaf_since = None
        self.resume()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def sweep(self, now: float) -> None:
        for refused in self._packets.expire(now):
            self._refuse(refused)
        if self._deaf_since is not None and now - self._deaf_since > UNREAD_SECONDS:
            # To close would be to wait for it to read.
            if self._transport is not None:
                self._transport.abort()
        elif now - self._used_at > IDLE_SECONDS:
            self.close()

    def _refuse(self, refused: hj212.Refused) -> None:
        """Bytes that are no frame: kept, and answered where there is somebody to answer."""
        server = self._server
        mn = refused.header.mn if refused.header is not None else ""
        profile = server.profile(mn)
        server.counters.frames += 1
        if profile is not None:
            heard_log.note_refusal(profile.id, time.time(), refused.reason.value)
        server.keep(refused.reason.value, refused.raw, mn, self.peer, {"mn": mn} if mn else {})
        reply = answers.for_refusal(refused, profile.sm4_key if profile else None)
        if reply is not None:
            self.send(reply)

    def _take(self, frame: hj212.Frame) -> None:
        server = self._server
        header = frame.header
        server.counters.frames += 1
        profile = server.profile(header.mn)
        now, tick = time.time(), time.monotonic()
        if profile is not None:
            if server.frame_limit.add(header.mn, tick) > profile.frames_per_minute:
                self._flooded(partial(_raw, frame), profile, now)
                return
            if frame.data_time is not None:
                self._check_clock(header, frame.data_time.timestamp(), profile, now)
        if not frames.is_data(header.cn):
            self._take_other(frame, profile, now)
            return
        if header.is_packet:
            whole = self._timed(frame)
            if whole is None:
                return
            frame = whole
        if profile is None and server.strangers.count(self.peer, tick) >= KEPT_A_MINUTE:
            server.counters.quarantined += 1
            self._reply(hj212.request_answer(header, hj212.QnRtn.MN_WRONG), header)
            return
        reading = frames.reading_of(frame, raw=frame.segment, peer=self.peer)
        if isinstance(reading, Refusal):
            server.keep(reading.reason, _raw(frame), header.mn, self.peer, dict(reading.detail))
            self._answer_refused(header, profile)
            return
        key = profile.sm4_key if profile is not None else None
        if not frame.encrypted and not header.is_packet:
            server.shapes.learn(frame, reading)
        self.unsettled += 1
        server.batcher.put(reading, (self, header, key))

    def _timed(self, frame: hj212.Frame) -> hj212.Frame | None:
        """A packet of a longer message, as soon as its time is known.

        Each packet is stored and answered by itself, under the message's time: a device that
        waits for an answer before it sends the next one is never left waiting. Packets that
        come before the one with the time wait for it.
        """
        header = frame.header
        message = (header.mn, header.cn, header.qn)
        if frame.data_time is not None:
            self._packet_times[message] = frame.data_time
            if len(self._packet_times) > 100:
                self._packet_times.popitem(last=False)
            return frame
        if message in self._packet_times:
            frame.data_time = self._packet_times[message]
            return frame
        whole, given_up = self._packets.add(frame, time.monotonic())
        for refused in given_up:
            self._refuse(refused)
        return whole

    def _take_other(self, frame: hj212.Frame, profile: DeviceProfile | None, now: float) -> None:
        """Boot notes, requests for the time, keys, heartbeats, answers to our own commands."""
        server, header = self._server, frame.header
        if profile is None:
            server.keep("UNKNOWN_DEVICE", _raw(frame), header.mn, self.peer, {"mn": header.mn})
            self._reply(hj212.request_answer(header, hj212.QnRtn.MN_WRONG), header)
            return
        if profile.password and header.pw != profile.password:
            server.keep("WRONG_PASSWORD", _raw(frame), header.mn, self.peer, {"mn": header.mn})
            self._reply(hj212.request_answer(header, hj212.QnRtn.PW_WRONG), header)
            return
        heard_log.note(profile.id, now)
        if header.cn == "2081":
            booted = hj212.parse_time(frame.fields.get("RestartTime", "")) or frame.data_time
            if booted is not None:
                heard_log.note_boot(profile.id, now, booted.timestamp())
        elif header.cn == "1013":
            self._reply(hj212.notice_answer(header, key=profile.sm4_key), header)
            self._set_clock(profile, header, now)
            return
        elif header.cn == "1014":
            server.keep("KEY_REFUSED", _raw(frame), header.mn, self.peer, {"mn": header.mn})
            self._answer_refused(header, profile)
            return
        elif header.cn in ("9011", "9012"):
            server.clocks.hear(frame)
        elif not header.cn.startswith("9"):
            server.keep("UNKNOWN_COMMAND", _raw(frame), header.mn, self.peer, {"cn": header.cn})
            refusal = hj212.request_answer(header, hj212.QnRtn.CN_WRONG, key=profile.sm4_key)
            self._reply(refusal, header)
            return
        reply = hj212.answer(header, key=profile.sm4_key)
        if reply is not None:
            self.send(reply)

    def _flooded(self, raw: Callable[[], bytes], profile: DeviceProfile, now: float) -> None:
        """More than the device's limit: counted, a sample kept, no answer."""
        server = self._server
        server.counters.flooded += 1
        heard_log.note_flood(profile.id, now)
        detail: dict[str, object] = {"mn": profile.mn, "limit": profile.frames_per_minute}
        server.keep("FLOOD", raw, profile.mn, self.peer, detail)

    def _check_clock(
        self, header: hj212.Header, at: float, profile: DeviceProfile, now: float
    ) -> None:
        """Set the clock of a device whose QN and DataTime are both off, at most hourly.

        A frame kept back during an outage has an old DataTime under a fresh QN, or says RF=1:
        that is no wrong clock.
        """
        if header.cn != "2011" or header.resent or abs(at - now) <= DRIFT_SECONDS:
            return
        sent = hj212.parse_time(header.qn) if header.qn else None
        if sent is not None and abs(sent.timestamp() - now) <= DRIFT_SECONDS:
            return
        heard_log.note_drift(profile.id, now, round(at - now))
        if header.version >= 2017:
            self._set_clock(profile, header, now)

    def _set_clock(self, profile: DeviceProfile, header: hj212.Header, now: float) -> None:
        synced = self._server.synced
        if now - synced.get(profile.mn, 0.0) < SYNC_EVERY_SECONDS and header.cn != "1013":
            return
        synced[profile.mn] = now
        synced.move_to_end(profile.mn)
        if len(synced) > 100_000:
            synced.popitem(last=False)
        asked = datetime.fromtimestamp(now, UTC)
        version = header.version if header.version >= 2017 else 2017
        device = hj212.Sender(profile.mn, header.st, header.pw, version, profile.sm4_key)

        def send() -> None:
            # The same QN each time, and the time of now.
            at = datetime.now(UTC) + timedelta(milliseconds=500)
            self.send(hj212.set_time(device, asked, at))

        self._server.clocks.send(profile.mn, hj212.format_time(asked, milliseconds=True), send)

    def _answer_refused(self, header: hj212.Header, profile: DeviceProfile | None) -> None:
        key = profile.sm4_key if profile is not None else None
        self._reply(hj212.request_answer(header, hj212.QnRtn.REFUSED, key=key), header)

    def _reply(self, data: bytes, header: hj212.Header) -> None:
        if header.reply_wanted:
            self.send(data)


def _most_connections() -> int:
    """As many as the system lets this process hold open, and no more than MOST_CONNECTIONS."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= MOST_CONNECTIONS + OTHER_FILES:
        return MOST_CONNECTIONS
    most = max(1, soft - OTHER_FILES)
    _logger.warning("HJ 212: at most %d connections: only %d files may be open", most, soft)
    return most


def _raw(frame: hj212.Frame) -> bytes:
    """The frame as it came, rebuilt from its segment (an encrypted one in plain text).

    But for a new key: what lies in quarantine is read by people.
    """
    segment = frame.segment
    if frame.cn == "1014":
        segment = segment[: segment.index(b"CP=&&")] + b"CP=&&&&"
    return hj212.encode_segment(segment)
