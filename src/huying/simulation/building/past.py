"""A year of cases: matters and alerts of the fiction as the steps people took."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from huying.cases import actions
from huying.directory import queries as directory
from huying.directory.permissions import Actor
from huying.sensing.actions import PastAlert
from huying.simulation.building.places import Staff
from huying.simulation.building.residents import Residents
from huying.simulation.fiction import grammar as grammars
from huying.simulation.fiction.air import Weather
from huying.simulation.fiction.grammar import Subject
from huying.simulation.fiction.land import Land
from huying.simulation.fiction.matters import Matters
from huying.simulation.fiction.offices import CENTRE

A_BATCH = 2_000
_JOINS_WITHIN = dt.timedelta(hours=24)
_LONG_DAYS = 9  # what takes longer than this was usually extended
_DUTY_LIST = "清和县部门权责清单（2026 年版）"

_CONTACTED = (
    "已电话联系群众，了解具体位置和诉求。",
    "已与反映人通话，约定现场查看时间。",
    "电话联系上了，群众补充了情况。",
    "已联系反映人，说明办理安排。",
)
_RETURNED = (
    "经核对，该事项不属于本单位职责范围。",
    "现场查看后发现产权和管理不在本单位，建议改派。",
    "按权责清单，该类事项由其他部门负责。",
)
_EXTENDED = (
    "涉及多个产权单位，需要逐户协商，申请延期。",
    "需要采购配件、等待到货，申请延期。",
    "连日降雨无法施工，申请延期。",
    "正在走招标程序，申请延期。",
)
_SUPERVISED = ("办理时间较长，请抓紧办结并把进展告诉群众。", "群众多次反映，请主要负责人过问。")
_REJECTED = (
    "现场查看，问题还没有完全解决。",
    "只办了一部分，请继续办理。",
    "现场没有变化，请重新处理。",
)
_FOUND = (
    "到现场看了，已经办好。",
    "问过周边住户，确实解决了。",
    "现场整洁，问题已处理。",
    "已核查，属实。",
)
_CALLED = (
    "回访时群众说来人看了但没彻底解决，已记录，责成整改。",
    "群众对办理速度不满意，已致歉并说明原因。",
    "群众要求当面说明，已约定时间。",
)
_REOPENED = ("回访反映问题仍然存在，请重新办理。", "群众不满意，请整改后再答复。")
_REMEDIED = "已按要求重新办理：{reply}负责人已上门向您说明并致歉。"
_WITHDRAWN = ("反映人来电说问题已经自行解决，要求撤回。", "反映人表示与对方已协商好，要求撤回。")
_JOINED = (
    "我家也是这样，盼着早点解决。",
    "我也遇到了，天天从这儿过。",
    "同一个问题，我们楼好几户都有。",
    "补充一下，我们这边更严重。",
    "我也反映一下，请一起处理。",
)
_FINDINGS = {
    "OPEN_BURNING": ("路边有人烧树叶和垃圾，烟很大。", "地头在烧秸秆，已劝停。"),
    "CONSTRUCTION_DUST": ("旁边工地没有盖网，正在装土。", "工地喷淋没开，尘土很大。"),
    "FACTORY": ("厂区烟囱冒黑烟，有刺鼻气味。", "厂里的除尘设备没有运行。"),
    "COAL_FIRES": ("附近几户在烧散煤取暖。", "饭店用散煤大灶。"),
    "ROAD_DUST": ("拉土车带泥上路，路面积尘很厚。", "路面破损扬尘，大车一过灰很大。"),
    "COOKING": ("夜市烧烤摊油烟直排。", "几家饭店油烟净化没开。"),
    "WEATHER": ("现场没有明显源头，雾很大，全城都这样。", "静稳天气，周边几个站都高。"),
}
_MEASURES = {
    "OPEN_BURNING": "已扑灭明火，对当事人批评教育，安排人员看守。",
    "CONSTRUCTION_DUST": "责令工地停工苫盖、开启喷淋，并处罚款。",
    "FACTORY": "责令停产整改，采样送检，立案调查。",
    "COAL_FIRES": "更换清洁煤，发放使用说明。",
    "ROAD_DUST": "调洒水车连续冲洗，设卡检查渣土车。",
    "COOKING": "责令停业清洗油烟净化设备。",
    "WEATHER": "启动应急减排清单，工地停止土石方作业，增加洒水频次。",
}
_RESULTS = {
    "OPEN_BURNING": "火点已清除，一小时后数值回落。",
    "CONSTRUCTION_DUST": "裸土已全部覆盖，复查合格后复工。",
    "FACTORY": "治污设施已恢复运行，复测达到排放要求。",
    "COAL_FIRES": "散煤已全部置换。",
    "ROAD_DUST": "路面已冲洗干净，车辆冲洗台恢复使用。",
    "COOKING": "设备已清洗，油烟检测达到要求。",
    "WEATHER": "随冷空气到来数值回落，应急措施解除。",
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Who acts, by unit, role and grid; actors are asked for once."""

    land: Land
    staff: Staff
    residents: Residents
    _actors: dict[int, Actor] = field(default_factory=dict)

    def actor(self, account_id: int) -> Actor:
        if account_id not in self._actors:
            self._actors[account_id] = directory.actor_for(account_id)
        return self._actors[account_id]

    def one(self, role: str, office: str, draw: int) -> Actor:
        people = self.staff.of(role, office) or self.staff.of("UNIT_HEAD", office)
        return self.actor(people[draw % len(people)])

    def dispatcher(self, draw: int) -> Actor:
        return self.one("DISPATCHER", CENTRE, draw)

    def clerk(self, draw: int) -> Actor:
        return self.one("INTAKE_CLERK", CENTRE, draw)

    def leader(self, draw: int) -> Actor:
        people = self.staff.of("LEADER")
        return self.actor(people[draw % len(people)])

    def handler(self, office: str, draw: int) -> Actor:
        """Somebody who answers for a unit; at the centre that is its head."""
        return self.one("UNIT_HEAD" if office == CENTRE else "OFFICER", office, draw)

    def grid_worker(self, grid_code: str) -> Actor:
        return self.actor(self.staff.grid_worker(grid_code))


def build_matters(
    cast: Cast, chunk: Matters, ids: Sequence[int], until: dt.datetime, by: Actor
) -> int:
    """The matters of one chunk as cases under these ids; how many. In the caller's transaction."""
    for start in range(0, len(chunk), A_BATCH):
        places = range(start, min(start + A_BATCH, len(chunk)))
        cases = [_case(cast, chunk, at, until) for at in places]
        actions.import_history(cases=cases, until=until, by=by, ids=ids[start : start + len(cases)])
    return len(chunk)


def _utc(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)


def _case(cast: Cast, all_of: Matters, at: int, until: dt.datetime) -> actions.PastCase:
    subject = grammars.load().subjects[all_of.subject[at]]
    grid = cast.land.grids[all_of.grid[at]]
    said = all_of.said[at]
    draw = all_of.first + at
    channel = str(all_of.channel[at])
    by = _reporting(cast, channel, grid.code, draw)
    reporter = int(all_of.reporter[at])
    submitted = _utc(all_of.steps["submit"][at])
    return actions.PastCase(
        procedure="residents_report",
        at=submitted,
        by=by,
        title=said.title,
        lon=float(all_of.lon[at]),
        lat=float(all_of.lat[at]),
        place_text=said.place,
        grid_code=grid.code,
        division_code=grid.village_code,
        category=subject.category if all_of.classified[at] else "",
        urgency="URGENT" if all_of.urgent[at] else "NORMAL",
        report=actions.PastReport(
            text=said.text,
            channel=channel,
            by=by,
            contact=cast.residents.contact(reporter),
            reporter_id=cast.residents.ids[reporter],
            secret=bool(all_of.secret[at]),
        ),
        steps=_steps(cast, all_of, at, subject, draw, until),
    )


def _reporting(cast: Cast, channel: str, grid_code: str, draw: int) -> Actor:
    if channel == "WEB":
        return Actor.resident()
    return cast.grid_worker(grid_code) if channel == "GRID" else cast.clerk(draw)


def _steps(
    cast: Cast, all_of: Matters, at: int, subject: Subject, draw: int, until: dt.datetime
) -> list[actions.PastStep]:
    """The steps of one matter in the order of time, one second apart at least."""
    when = {name: int(times[at]) for name, times in all_of.steps.items() if times[at]}
    office, wrong = all_of.office[at], all_of.wrong_office[at]
    grid = cast.land.grids[all_of.grid[at]]
    first_unit = cast.staff.office_ids[wrong or office]
    unit = cast.staff.office_ids[office]
    officer, dispatcher = cast.handler(office, draw), cast.dispatcher(draw)
    verifier = cast.grid_worker(grid.code) if draw % 10 < 7 else cast.dispatcher(draw + 1)
    reply = all_of.said[at].reply
    answer = {"reply": reply, "outcome": str(all_of.outcome[at]) or "SOLVED"}

    def pick(words: Sequence[str]) -> str:
        return words[draw % len(words)]

    found: list[tuple[int, actions.PastStep]] = []

    def add(name: str, action: str, by: Actor, **more: object) -> None:
        if name in when:
            step = actions.PastStep(at=_utc(when[name]), action=action, by=by, **more)  # type: ignore[arg-type]  # the fields of PastStep
            found.append((when[name], step))

    if not all_of.classified[at]:
        add(
            "dispatch",
            "dispatch",
            dispatcher,
            data={"unit": first_unit, "category": subject.category},
        )
    add(
        "return",
        "return",
        cast.handler(wrong or office, draw),
        data={"article": _DUTY_LIST, "reason": pick(_RETURNED)},
    )
    add("dispatch_again", "dispatch", dispatcher, data={"unit": unit})
    add("take", "take", officer)
    add("contact", "contact", officer, note=pick(_CONTACTED))
    add("supervise", "supervise", cast.leader(draw), note=pick(_SUPERVISED))
    add("withdraw", "withdraw", dispatcher, note=pick(_WITHDRAWN))
    _extend(cast, when, office, officer, pick(_EXTENDED), draw, found)
    add("answer", "answer", officer, data=answer)
    add("reject", "reject", verifier, note=pick(_REJECTED))
    add("answer_again", "answer", officer, data=answer)
    add("verify", "verify", verifier, note=pick(_FOUND), where_offered=True)
    add(
        "rate",
        actions.RATE,
        Actor.resident(),
        rating=str(all_of.rating[at]),
        comment=all_of.comment[at],
        of=0,
    )
    add("call_back", "call_back", cast.clerk(draw), note=pick(_CALLED), of=0)
    add("reopen", "reopen", dispatcher, note=pick(_REOPENED))
    add("take_remedy", "take", officer)
    add(
        "answer_remedy",
        "answer",
        officer,
        data={"reply": _REMEDIED.format(reply=reply), "outcome": answer["outcome"]},
    )
    add("close", "close", dispatcher, where_offered=True)
    found += _joins(cast, all_of, at, when, draw, until)
    found.sort(key=lambda pair: pair[0])
    return _spaced([step for _, step in found], until)


def _extend(
    cast: Cast,
    when: dict[str, int],
    office: str,
    officer: Actor,
    reason: str,
    draw: int,
    found: list[tuple[int, actions.PastStep]],
) -> None:
    """A long one is extended: asked for by the officer, approved by the head of the unit."""
    answer, take = when.get("answer", 0), when.get("take", 0)
    heads = cast.staff.of("UNIT_HEAD", office)
    if not answer or answer - take < _LONG_DAYS * 86_400 or not heads or draw % 5 > 2:
        return
    asked = take + 6 * 86_400
    if any(abs(when.get(name, 0) - asked) < 90_000 for name in ("withdraw", "supervise")):
        return
    found.append(
        (asked, actions.PastStep(at=_utc(asked), action="extend", by=officer, note=reason))
    )
    approved = asked + 3600 * (1 + draw % 4)
    found.append(
        (
            approved,
            actions.PastStep(
                at=_utc(approved), action="approve_extend", by=cast.actor(heads[draw % len(heads)])
            ),
        )
    )


def _joins(
    cast: Cast, all_of: Matters, at: int, when: dict[str, int], draw: int, until: dt.datetime
) -> list[tuple[int, actions.PastStep]]:
    """Neighbours who report the same before the answer is there; none where it was withdrawn."""
    if "withdraw" in when:
        return []
    begin = when["submit"]
    end = when.get("answer") or int(until.timestamp())
    found = []
    for number in range(int(all_of.neighbours[at])):
        moment = begin + (end - begin) * (number + 1) // (int(all_of.neighbours[at]) + 2)
        person = (int(all_of.reporter[at]) + 17 * (number + 1)) % len(cast.residents.ids)
        report = actions.PastReport(
            text=_JOINED[(draw + number) % len(_JOINED)],
            channel="WEB",
            by=Actor.resident(),
            contact=cast.residents.contact(person),
            reporter_id=cast.residents.ids[person],
        )
        step = actions.PastStep(
            at=_utc(moment), action=actions.JOIN, by=Actor.resident(), report=report
        )
        found.append((moment, step))
    return found


def _spaced(steps: list[actions.PastStep], until: dt.datetime) -> list[actions.PastStep]:
    """Two steps never fall into one second, and none after the end."""
    found: list[actions.PastStep] = []
    for step in steps:
        at = step.at
        if found and at <= found[-1].at:
            at = found[-1].at + dt.timedelta(seconds=1)
        if at <= until:
            found.append(actions.later(step, at))
    return found


def build_alerts(
    cast: Cast,
    alerts: Sequence[PastAlert],
    weather: Weather,
    stations: Sequence[str],
    until: dt.datetime,
    rng: np.random.Generator,
    by: Actor,
) -> int:
    """The environmental cases the past alerts led to; how many. `stations`: MNs in order."""
    number_of = {mn: at for at, mn in enumerate(stations)}
    truth = _truth(weather)
    open_at: dict[tuple[int, int], int] = {}
    cases: list[tuple[PastAlert, list[PastAlert]]] = []
    for alert in alerts:
        key = (alert.device_id, alert.rule_id)
        last = open_at.get(key)
        if last is not None and alert.noticed_at - cases[last][0].noticed_at < _JOINS_WITHIN:
            cases[last][1].append(alert)
            continue
        open_at[key] = len(cases)
        cases.append((alert, []))
    made = []
    for first, more in cases:
        hour = int((first.opened_at - weather.first_hour).total_seconds() // 3600)
        cause = truth(number_of[first.mn], hour)
        made.append(_alert_case(cast, first, more, cause, until, rng))
    for start in range(0, len(made), A_BATCH):
        actions.import_history(cases=made[start : start + A_BATCH], until=until, by=by)
    return len(made)


def _truth(weather: Weather) -> Callable[[int, int], str]:
    """(station, hour) → the true cause; "" = the instrument lied."""
    spikes = set(weather.spikes)
    by_station: dict[int, list[tuple[int, int, str]]] = {}
    for one in weather.plumes:
        by_station.setdefault(one.station, []).append((one.start, one.start + one.hours, one.cause))

    def cause(station: int, hour: int) -> str:
        for begin, end, name in by_station.get(station, ()):
            if begin <= hour < end:
                return name
        return "" if (station, hour) in spikes else "WEATHER"

    return cause


def _alert_case(
    cast: Cast,
    alert: PastAlert,
    more: Sequence[PastAlert],
    cause: str,
    until: dt.datetime,
    rng: np.random.Generator,
) -> actions.PastCase:
    draw = int(rng.integers(1 << 30))
    grid_code = alert.grid_code or ""
    worker = cast.grid_worker(grid_code)
    officer = cast.handler("ECOLOGY", draw)

    def pick(words: Sequence[str]) -> str:
        return words[draw % len(words)]

    at = alert.noticed_at
    steps: list[tuple[dt.datetime, dict[str, object]]] = []

    def add(minutes: float, action: str, by: Actor, **rest: object) -> None:
        nonlocal at
        at = at + dt.timedelta(minutes=float(minutes))
        steps.append((at, {"action": action, "by": by, **rest}))

    slow = rng.random() < 0.06
    add(rng.gamma(2, 4) + 1, "take", worker)
    add(rng.gamma(3, 9) + (130 if slow else 3), "arrive", worker)
    if cause:
        finding = pick(_FINDINGS[cause])
        data = {"cause": cause, "finding": finding}
        add(rng.gamma(2, 4) + 2, "confirm_true", worker, data=data)
        add(rng.gamma(2, 25) + 5, "measure", officer, note=_MEASURES[cause])
        add(rng.gamma(2, 120) + 30, "resolve", officer, note=_RESULTS[cause])
        add(rng.gamma(2, 90) + 10, "verify", worker, note=pick(_FOUND))
    else:
        data = {"why_false": "DEVICE_FAULT" if draw % 3 else "PASSING", "finding": "到场未见异常。"}
        add(rng.gamma(2, 5) + 3, "confirm_false", worker, data=data)
    add(rng.gamma(2, 400) + 60, "close", cast.dispatcher(draw), where_offered=True)
    end = at
    system = Actor.system("sensing")
    for one in more:
        if one.noticed_at < end:
            rise = {"action": "rise", "by": system, "note": one.summary, "where_offered": True}
            steps.append((one.noticed_at, rise))
    if alert.closed_at is not None:
        fell = alert.closed_at + dt.timedelta(hours=1, seconds=8)
        if fell < end:
            words = f"监测数值已回落，最高 {alert.peak_value:g}"
            steps.append((fell, {"action": "recover", "by": system, "note": words}))
    steps.sort(key=lambda pair: pair[0])
    past = [actions.PastStep(at=moment, **rest) for moment, rest in steps]  # type: ignore[arg-type]  # the fields of PastStep
    return actions.PastCase(
        procedure="environmental_alert",
        at=alert.noticed_at,
        by=system,
        title=f"{alert.device_name} {alert.rule_name}",
        summary=alert.summary,
        lon=alert.lon,
        lat=alert.lat,
        place_text=alert.device_name,
        grid_code=alert.grid_code,
        division_code=alert.division_code or cast.land.code,
        category="ALERT",
        kind="COMPLAINT",
        urgency="URGENT",
        lead_organisation_id=cast.staff.office_ids["ECOLOGY"],
        alert_id=alert.id,
        alert_key=f"device:{alert.device_id}/{alert.rule_code}",
        steps=_spaced(past, until),
    )
