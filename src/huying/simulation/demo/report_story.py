"""A dozen residents report something; one of them is not pleased, and is heard again."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from huying.directory import queries as directory
from huying.simulation.demo.air_story import sealed
from huying.simulation.demo.people import Listener, Resident, Staff, photo
from huying.simulation.demo.telling import NotClosed, Teller

STORY = "群众诉求 residents' reports"
# Category, what is said, where (words), what the photograph shows. In the demonstration's grid.
_SAID = (
    (
        "NOISE",
        "楼下工地半夜一点还在打混凝土，震得窗户直响，孩子明天还要上学，麻烦管一管。",
        "迎宾大道工地",
    ),
    ("AIR", "小区后面有人烧树叶和塑料，呛得不敢开窗，家里有哮喘的老人。", "小区北门外空地"),
    ("GARBAGE", "菜市场旁边的垃圾桶满了四五天没人清，味儿特别大，苍蝇乱飞。", "农贸市场东侧"),
    ("WATER_POLLUTION", "小区后面那条沟的水发黑发臭，白沫一片，天黑以后味儿更大。", "小区后排水沟"),
    ("DRAINAGE", "路口的井盖没了，就用树枝插着，晚上看不清，太危险了。", "文化路与和平街交叉口"),
    ("HEATING", "暖气不热，屋里才十四五度，老人孩子都感冒了。", "阳光花园 3 号楼"),
    ("PARKING", "消防通道停满了车，真着火了消防车进不来。", "锦绣家园南门"),
    ("ROAD_DAMAGE", "路面坑一个接一个，下雨积水看不出深浅，昨天有人骑车摔了。", "振兴路"),
    ("WAGES", "我们四个人在工地干了两个月，工钱一分没给，老板电话也不接了。", "建设街工地"),
    ("PROPERTY_MANAGEMENT", "电梯坏了十来天，七楼的老人下不了楼，物业说没钱修。", "怡景苑 2 号楼"),
    ("", "路边有根电线杆斜了，刮风的时候晃得厉害，不知道归谁管。", "滨河路"),
    ("", "孩子户口不在这儿，明年上一年级去哪儿报名，要准备什么材料？", ""),
)
_NEAR = (0, 1, 3)  # these lie in the grid of the demonstration's grid worker
_PEOPLE = (
    ("李春燕", "19900990001"),
    ("赵国庆", "19900990002"),
    ("王秀兰", "19900990003"),
    ("陈晓东", "19900990004"),
    ("刘玉梅", "19900990005"),
    ("孙志刚", "19900990006"),
    ("马丽娟", "19900990007"),
    ("高俊峰", "19900990008"),
    ("董海波", "19900990009"),
    ("郭桂芝", "19900990010"),
    ("", ""),
    ("冯雪梅", "19900990012"),
)


@dataclass(frozen=True, slots=True)
class Handed:
    """A report that was handed in."""

    place: int
    answer: dict[str, Any]
    ms: float


def tell(teller: Teller, *, site: str, stream: str, people: dict[str, Staff], seed: int) -> None:
    teller.begin(STORY, "十二位居民从手机上反映身边的事")
    resident = Resident(site)
    dispatcher = people["DISPATCHER"]
    listener = Listener(stream, dispatcher)
    try:
        listener.wait_until_open()
        with teller.chain():
            handed = _hand_in(teller, resident, seed)
            _dispatch_the_rest(teller, dispatcher, handed)
            _joined(teller, resident, handed[2])
            _satisfied(teller, resident, people, handed[1])
            _heard_again(teller, resident, people, listener, handed[0])
            _left_for_visitors(teller, people, handed[3])
    finally:
        listener.close()
        resident.client.close()


def _points(count: int, seed: int) -> list[tuple[float, float]]:
    """Places in the town, some of them in the grid of the demonstration's grid worker."""
    rng = np.random.default_rng(seed)
    grids = directory.grids()[:40]
    found = []
    for number in range(count):
        grid = grids[0] if number in _NEAR else grids[int(rng.integers(len(grids)))]
        found.append((grid.center_lon, grid.center_lat))
    return found


def _hand_in(teller: Teller, resident: Resident, seed: int) -> list[Handed]:
    points = _points(len(_SAID), seed)
    run = time.time_ns()
    handed = []
    for place, ((category, text, where), (name, phone)) in enumerate(
        zip(_SAID, _PEOPLE, strict=True)
    ):
        body: dict[str, Any] = {"text": text, "category": category, "place_text": where}
        body["channel"] = "WEB"
        if where:
            body["lon"], body["lat"] = points[place]
        if name:
            body["contact"] = {"name": name, "phone": phone}
        key = f"demo-{run}-{place}"
        began = time.perf_counter()
        answer, _ = resident.report(body, key)
        ms = (time.perf_counter() - began) * 1000
        if place < 4:
            resident.add_photo(answer["receipt"], photo(text, shade=80 + 9 * place))
        handed.append(Handed(place, answer, ms))
        unit = answer["unit_name"] or "综治中心派单"
        teller.say(f"{answer['receipt_display']}　{text[:22]}…　→ {unit}")
    again, new = resident.report(
        {"text": _SAID[0][1], "category": "NOISE", "place_text": _SAID[0][2], "channel": "WEB"}
        | {"lon": points[0][0], "lat": points[0][1]}
        | {"contact": {"name": _PEOPLE[0][0], "phone": _PEOPLE[0][1]}},
        f"demo-{run}-0",
    )
    if new or again["receipt"] != handed[0].answer["receipt"]:
        raise NotClosed("重复提交生成了第二个回执 / a repeated request made a second receipt")
    times = sorted(one.ms for one in handed)
    teller.link(
        "登记 register", f"{len(handed)} 件全部收到回执，重复提交不重复登记", times[len(times) // 2]
    )
    routed = [one for one in handed if one.answer["unit_name"]]
    teller.link(
        "派单 dispatch",
        f"{len(routed)} 件按责任清单当场派到承办单位",
        sorted(one.ms for one in routed)[len(routed) // 2],
    )
    return handed


def _dispatch_the_rest(teller: Teller, dispatcher: Staff, handed: list[Handed]) -> None:
    waiting = {one.answer["case_number"] for one in handed if not one.answer["unit_name"]}
    units = {one.short_name: one.id for one in directory.organisations()}
    done = 0
    taken = 0.0
    for row in dispatcher.cases(states="REGISTERED", order="NEWEST", limit=50):
        if row["number"] not in waiting:
            continue
        school = "报名" in row["title"] or "户口" in row["title"]
        unit = units["教育局" if school else "住建局"]
        category = "EDUCATION" if school else "OTHER"
        _, taken = dispatcher.act(row["id"], "dispatch", unit=unit, category=category)
        done += 1
    if done != len(waiting):
        raise NotClosed(f"派出 {done} 件，应派 {len(waiting)} 件 / dispatched {done}")
    teller.link("派单 dispatch", f"另外 {done} 件由综治中心研判后派出", taken)


def _joined(teller: Teller, resident: Resident, handed: Handed) -> None:
    began = time.perf_counter()
    joined = resident.join(handed.answer["report_id"], "我也遇到了，天天从这儿过，味儿太大了。")
    ms = (time.perf_counter() - began) * 1000
    if joined["receipt"] == handed.answer["receipt"]:
        raise NotClosed("没有给出自己的回执 / no receipt of one's own")
    teller.link("我也遇到了 join", f"并入同一事项，另给回执 {joined['receipt_display']}", ms)


def _case_id(staff: Staff, number: str) -> int:
    for row in staff.cases(order="NEWEST", limit=50):
        if row["number"] == number:
            return int(row["id"])
    raise NotClosed(f"{number} 不在这个岗位的列表里 / not in this person's list")


def _satisfied(teller: Teller, resident: Resident, people: dict[str, Staff], one: Handed) -> None:
    """The smooth one: taken, answered with evidence, verified, rated well, closed."""
    officer, worker, dispatcher = people["OFFICER"], people["GRID_WORKER"], people["DISPATCHER"]
    receipt = one.answer["receipt"]
    case_id = _case_id(officer, one.answer["case_number"])
    officer.act(case_id, "take")
    officer.act(
        case_id,
        "answer",
        photo=photo("已清理", shade=118),
        reply="已到现场制止焚烧，灰烬清走，对当事人批评教育，并安排网格员早晚巡查。",
        outcome="SOLVED",
    )
    worker.act(case_id, "verify", finding="到场看了，没有再烧。")
    began = time.perf_counter()
    resident.rate(receipt, "VERY_SATISFIED", "来得真快，谢谢。")
    rated = (time.perf_counter() - began) * 1000
    answer, ms = dispatcher.act(case_id, "close", outcome="SOLVED")
    if not resident.progress(receipt)["closed"]:
        raise NotClosed("居民看到的还没有办结 / the resident does not see it closed")
    teller.link("评价 rating", "焚烧一事：答复、核查、办结，居民评价“非常满意”", rated)
    sealed(teller, answer["record_id"], ms)


def _left_for_visitors(teller: Teller, people: dict[str, Staff], one: Handed) -> None:
    """One is left half done, so that whoever looks around finds something to do."""
    officer = people["OFFICER"]
    case_id = _case_id(officer, one.answer["case_number"])
    officer.act(case_id, "take")
    officer.act(
        case_id,
        "answer",
        reply="已封堵违规排口一处，安排清淤，请您过几天再看看。",
        outcome="SOLVED",
    )
    teller.say("留给您：网格员手机上还有一件待核查，调度员桌面上还有两个站点的预警")


def _heard_again(
    teller: Teller,
    resident: Resident,
    people: dict[str, Staff],
    listener: Listener,
    one: Handed,
) -> None:
    """The hard one: a bad rating, a callback, a remedy."""
    officer, worker = people["OFFICER"], people["GRID_WORKER"]
    dispatcher, clerk = people["DISPATCHER"], people["INTAKE_CLERK"]
    receipt, report_id = one.answer["receipt"], one.answer["report_id"]
    case_id = _case_id(officer, one.answer["case_number"])
    _, ms = officer.act(case_id, "take")
    teller.link("签收 take", f"生态环境局签收 {one.answer['case_number']}", ms)
    officer.act(case_id, "contact", remark="已电话联系，约定今晚到场。")
    _, ms = officer.act(
        case_id,
        "answer",
        photo=photo("夜查", shade=60),
        reply="执法人员已到场，要求工地停止夜间浇筑。",
        outcome="SOLVED",
    )
    teller.link("答复 answer", "附现场照片，原样告诉居民", ms)
    _, ms = worker.act(case_id, "verify", finding="到场时工地已停工。")
    teller.link("核查 verify", "网格员到场核查", ms)
    seen = resident.progress(receipt)
    teller.say(f"居民看到：{seen['headline']}")
    began = time.perf_counter()
    resident.rate(receipt, "DISSATISFIED", "只停了一个晚上，第二天又响了。")
    teller.link("差评 bad rating", "不满意：只停了一个晚上", (time.perf_counter() - began) * 1000)
    heard = listener.next("差评待回访")
    teller.link("推送 push", f"综治中心收到：{heard.data['title']}", (heard.at - began) * 1000)
    _, ms = clerk.act(
        case_id, "call_back", report_id=report_id, result="居民说次日又施工，已致歉并记录。"
    )
    teller.link("回访 callback", "受理员电话回访", ms)
    _, ms = dispatcher.act(case_id, "reopen", reason="回访反映次日再次夜间施工，请重新办理。")
    teller.link("整改 remedy", "责成生态环境局重新办理", ms)
    officer.act(case_id, "take")
    officer.act(
        case_id,
        "answer",
        photo=photo("封条", shade=100),
        reply="已对工地立案处罚并查封夜间用电，公示施工时段，负责人上门向您说明。",
        outcome="SOLVED",
    )
    dispatcher.act(case_id, "verify", finding="连续两晚回访，没有再施工。")
    answer, ms = dispatcher.act(case_id, "close", outcome="SOLVED")
    if not resident.progress(receipt)["closed"]:
        raise NotClosed("居民看到的还没有办结 / the resident does not see it closed")
    teller.link("办结 close", f"{answer['number']} 整改后办结，居民凭回执可查全过程", ms)
    sealed(teller, answer["record_id"], ms)
