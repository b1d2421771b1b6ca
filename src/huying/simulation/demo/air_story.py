"""A polluted evening: from a reading on the wire to a sealed closure."""

import datetime as dt
import re
import threading
import time
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from huying.ledger import queries as ledger
from huying.simulation.demo.people import Listener, Staff, photo
from huying.simulation.demo.station import Sent, Station
from huying.simulation.demo.telling import NotClosed, Teller, wait_for

STORY = "污染夜 polluted evening"
# PM2.5 of the last hours, µg/m³, at three stations of one place.
_CLIMB = ((74, 112, 143, 186), (69, 98, 131, 171), (66, 91, 124, 158))
_OTHERS = {"a34002": 1.5, "a21026": 0.07, "a21004": 0.32, "a21005": 0.0063}
_CASE_LINK = re.compile(r"/cases/(\d+)/")
_MN_PREFIX = "990101A34004"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A station to tell the story with, and the hours it has not sent yet."""

    mn: str
    name: str
    password: str
    grid_code: str
    hours: tuple[dt.datetime, ...]


def choose() -> list[Chosen]:
    """Three stations that can still climb tonight, the demonstration's own first.

    `NotClosed` where none has an hour left that it has not sent (the story was told several
    times within an hour).
    """
    last = timezone.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.mn, d.name, d.password, coalesce(d.grid_id, ''),"
            " (SELECT max(h.at) FROM sensing_hourly_mean h WHERE h.device_id = d.id"
            "   AND h.at > now() - interval '400 days')"
            " FROM sensing_device d WHERE d.kind = 'AIR' AND d.mn LIKE %s AND NOT EXISTS"
            " (SELECT FROM sensing_alert a WHERE a.device_id = d.id AND a.closed_at IS NULL)"
            " ORDER BY d.mn",
            [f"{_MN_PREFIX}%"],
        )
        rows = cursor.fetchall()
    found = []
    for mn, name, password, grid_code, newest in rows:
        first = max(newest + dt.timedelta(hours=1), last - dt.timedelta(hours=3))
        hours = []
        while first <= last:
            hours.append(first)
            first += dt.timedelta(hours=1)
        if hours:
            found.append(Chosen(mn, name, password, grid_code, tuple(hours)))
    if len(found) < len(_CLIMB):
        raise NotClosed(
            "演示县的监测站在这一小时里都已经发过数据，请过一小时再演示，或换一个空库。"
            " / every station has sent this hour already: wait an hour or use an empty database"
        )
    return found[: len(_CLIMB)]


def tell(
    teller: Teller, *, host: str, hj212_port: int, stream: str, people: dict[str, Staff]
) -> None:
    """Tell it; every link that closes is measured, the first that does not ends the story."""
    teller.begin(STORY, "三个相邻站点的 PM2.5 逐小时爬升")
    officer, worker = people["OFFICER"], people["GRID_WORKER"]
    listeners = {role: Listener(stream, people[role]) for role in ("OFFICER", "GRID_WORKER")}
    try:
        for listener in listeners.values():
            listener.wait_until_open()
        with teller.chain():
            stations = choose()
            lead = stations[0]
            sent, seen = _climb(teller, stations, host, hj212_port)
            own = lead.grid_code in worker.grids()
            case_id = _alerted(teller, lead, sent, seen, listeners, officer, own)
            _worked(teller, case_id, people, worker if own else None)
    finally:
        for listener in listeners.values():
            listener.close()


def _climb(
    teller: Teller, stations: list[Chosen], host: str, port: int
) -> tuple[Sent, dict[str, float]]:
    """Send the hours; the lead's last one is the reading that matters. (it, what was seen)"""
    open_stations = [Station(host, port, one.mn, one.password) for one in stations]
    seen: dict[str, float] = {}
    try:
        steps = max(len(one.hours) for one in stations)
        for step in range(steps):
            parts = []
            last = step == steps - 1
            # The lead last of all, so that its frame is alone on the wire.
            order = [1, 2, 0]
            for at in order:
                one, hours = stations[at], stations[at].hours
                place = step - (steps - len(hours))
                if place < 0:
                    continue
                value = float(_CLIMB[at][step - steps])
                if last and at == 0:
                    watch = _watch(one.mn, seen)
                sent = open_stations[at].send_hour(hours[place], _values(value))
                parts.append(f"{one.name} {value:.0f}")
            hour = timezone.localtime(stations[0].hours[-1] - dt.timedelta(hours=steps - 1 - step))
            teller.say(f"{hour:%H}:00 时均值（µg/m³）：{'、'.join(reversed(parts))}")
        watch.join(10)
    finally:
        for station in open_stations:
            station.close()
    teller.link("读数 reading", f"HJ 212 报文 {len(sent.frame)} 字节，入库后应答 9014", sent.ms)
    return sent, seen


def _values(pm25: float) -> dict[str, float]:
    values = {"a34004": pm25}
    values.update({code: round(pm25 * ratio, 2) for code, ratio in _OTHERS.items()})
    values["a05024"] = 18.0
    return values


def _watch(mn: str, seen: dict[str, float]) -> threading.Thread:
    """Look for the alert's row and its case from a connection of its own, until both are there."""

    def look() -> None:
        deadline = time.perf_counter() + 10
        try:
            while "dispatch" not in seen and time.perf_counter() < deadline:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT c.id, c.lead_organisation_id FROM sensing_alert a"
                        " JOIN sensing_device d ON d.id = a.device_id"
                        " LEFT JOIN cases_case c ON c.alert_id = a.id"
                        " WHERE d.mn = %s AND a.closed_at IS NULL",
                        [mn],
                    )
                    row = cursor.fetchone()
                if row:
                    now = time.perf_counter()
                    case_id, unit = row
                    seen.setdefault("alert", now)
                    if case_id is not None:
                        seen.setdefault("case", now)
                    if unit is not None:
                        seen.setdefault("dispatch", now)
                time.sleep(0.001)
        finally:
            connection.close()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    return thread


def _alerted(
    teller: Teller,
    lead: Chosen,
    sent: Sent,
    seen: dict[str, float],
    listeners: dict[str, Listener],
    officer: Staff,
    own: bool,
) -> int:
    """`own`: the story plays in the grid of the demonstration's grid worker, who must hear."""
    for what, words in (
        ("alert", "没有产生预警 / no alert opened"),
        ("case", "预警没有立案 / the alert opened no case"),
        ("dispatch", "事项没有派单 / the case was not dispatched"),
    ):
        if what not in seen:
            raise NotClosed(words)
    took = {what: (at - sent.sent_at) * 1000 for what, at in seen.items()}
    words = f"{lead.name} PM2.5 小时均值 186 µg/m³，达到预警值 150"
    teller.link("预警 alert", words, took["alert"])
    # The name and a space: 文昌空气站 is not 文昌空气站2号.
    heard = listeners["OFFICER"].next(f"{lead.name} ")
    match = _CASE_LINK.search(str(heard.data.get("link", "")))
    if match is None:
        raise NotClosed(f"推送里没有事项链接 / no link to the case: {heard.data}")
    case_id = int(match[1])
    case = wait_for("事项", lambda: officer.case(case_id))["case"]
    teller.link("立案 case", f"{case['number']}　{case['title']}", took["case"])
    teller.link("派单 dispatch", f"主办 {case['unit_name']}，2 小时内响应", took["dispatch"])
    teller.link(
        "推送 push",
        f"生态环境局值班人员的浏览器收到：{heard.data['title']}",
        (heard.at - sent.sent_at) * 1000,
    )
    if own:
        worker = listeners["GRID_WORKER"].next(f"{lead.name} ")
        teller.link(
            "推送 push",
            f"网格员的手机收到：{worker.data['title']}",
            (worker.at - sent.sent_at) * 1000,
        )
    return case_id


def _worked(teller: Teller, case_id: int, people: dict[str, Staff], worker: Staff | None) -> None:
    """`worker`: the grid worker on the spot; None where the story plays in another's grid, and
    the bureau goes there itself."""
    officer, dispatcher = people["OFFICER"], people["DISPATCHER"]
    on_site = worker or officer
    who = "网格员" if worker else "生态环境局"
    _, ms = on_site.act(case_id, "take")
    teller.link("接单 take", f"{who}接单", ms)
    _, ms = on_site.act(case_id, "arrive")
    teller.link("到场 on site", f"{who}到场", ms)
    _, ms = on_site.act(
        case_id,
        "confirm_true",
        photo=photo("秸秆", shade=70),
        cause="OPEN_BURNING",
        finding="路口东侧空地有人烧树叶和废纸箱，烟往站点方向飘。",
    )
    teller.link("核实 confirm", "属实：露天焚烧，已拍照", ms)
    _, ms = officer.act(
        case_id, "measure", measures="联系消防扑灭明火，责令当事人清理，安排夜间巡查。"
    )
    teller.link("处置 measure", "生态环境局采取措施", ms)
    _, ms = officer.act(
        case_id,
        "resolve",
        photo=photo("已清理", shade=110),
        result="明火已扑灭，余烬清走，周边三个站点数值开始回落。",
    )
    teller.link("处置完成 resolve", "附现场照片", ms)
    _, ms = (worker or dispatcher).act(case_id, "verify", finding="到现场看了，火已灭，没有烟。")
    teller.link("核查 verify", f"{'网格员' if worker else '综治中心'}到场核查", ms)
    answer, ms = dispatcher.act(case_id, "close", outcome="SOLVED")
    teller.link("办结 close", f"{answer['number']} 办结", ms)
    sealed(teller, answer["record_id"], ms)


def sealed(teller: Teller, record_id: int, since_ms: float) -> None:
    """Wait until a record is in the signed tree, with its proof."""
    began = time.perf_counter()
    proof = wait_for("存证封存", lambda: ledger.proof(record_id), seconds=20)
    teller.link(
        "存证 ledger",
        f"第 {proof.index} 条，{len(proof.hashes)} 个哈希即可验真，检查点已签名",
        (time.perf_counter() - began) * 1000 + since_ms,
    )
