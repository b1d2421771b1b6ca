"""A procedure file: what ships is right, and what is wrong is named with its mend."""

from pathlib import Path

import pytest
import yaml

from huying.cases.queries.procedures import BUILT_IN
from huying.cases.rules.needs import Need, NeedKind
from huying.cases.rules.parties import PARTIES
from huying.cases.rules.procedure import Procedure
from huying.cases.rules.procedure_files import ProcedureInvalid, checked, load
from huying.cases.rules.receipts import case_number

FILES = sorted(BUILT_IN.glob("*.yaml"))

GOOD = """
procedure: sample
version: 1
name: 样例
law: 某法
in_force: 2026-01-01
states:
  NEW: {label: 新, turn: dispatcher}
  DONE: {label: 完, final: true}
actions:
  start: {label: 开始, from: START, to: NEW, by: system}
  finish: {label: 结束, from: NEW, to: DONE, by: dispatcher, needs: [reason, outcome]}
clocks:
  work:
    label: 办理
    limit: 5 working days
    starts: start
    stops: finish
    on_overdue: {to: dispatchers, title: 超期}
    source: 本县规定
"""


def _with(**changes: object) -> str:
    raw = yaml.safe_load(GOOD)
    for path, value in changes.items():
        part = raw
        *above, last = path.split("__")
        for key in above:
            part = part[key]
        if value is None:
            del part[last]
        else:
            part[last] = value
    return yaml.safe_dump(raw, allow_unicode=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_ships_is_valid_and_in_both_languages(path: Path) -> None:
    procedure = load(path)
    assert procedure.procedure == path.stem
    for state in procedure.states.values():
        assert state.label.en
    for code, action in procedure.actions.items():
        assert action.label.en, code
        for notice in action.notices:
            assert notice.title.en, code
    for name, clock in procedure.clocks.items():
        assert clock.label.en, name
        assert clock.warn_before or clock.overdue_action, f"{name}: nobody is warned"


def test_there_are_two() -> None:
    assert [path.stem for path in FILES] == ["environmental_alert", "residents_report"]


def test_the_words_of_alerts_never_say_exceeded() -> None:
    text = (BUILT_IN / "environmental_alert.yaml").read_text(encoding="utf-8")
    said = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert not [line for line in said if "超标" in line]


def test_a_small_file_is_enough() -> None:
    procedure = checked(GOOD, "sample.yaml")
    assert procedure.opening == "start"
    assert procedure.is_final("DONE")
    assert not procedure.is_final("NEW")


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"actions__finish__to": "GONE"}, "actions.finish.to", "GONE"),
        ({"actions__finish__from": "GONE"}, "actions.finish.from", "GONE"),
        ({"states__LOST": {"label": "孤"}}, "states.LOST", "没有动作能到达"),
        ({"states__DONE__final": False}, "states.DONE", "没有动作能离开"),
        ({"states__lower": {"label": "小"}}, "states.lower", "大写"),
        ({"states__NEW__turn": "nobody"}, "states.NEW.turn", "nobody"),
        ({"actions__finish__by": []}, "actions.finish.by", "由谁"),
        ({"actions__finish__by": "boss"}, "actions.finish.by", "boss"),
        ({"actions__finish__approved_by": "boss"}, "actions.finish.approved_by", "boss"),
        ({"actions__start__from": "NEW"}, "actions", "START"),
        ({"clocks__work__stops": None}, "clocks.work.stops", "一直走"),
        ({"clocks__work__starts": "begin"}, "clocks.work.starts", "begin"),
        ({"clocks__work__limit": "5 moons"}, "clocks.work.limit", "5 moons"),
        ({"clocks__work__pauses": "finish"}, "clocks.work.pauses", "resumes"),
        (
            {"clocks__work__limit_by": {"colour": {"RED": "1 day"}}},
            "clocks.work.limit_by",
            "colour",
        ),
        (
            {"clocks__work__on_warn": {"to": "leaders", "title": "急"}},
            "clocks.work.warn_before",
            "提前",
        ),
        ({"clocks__work__warn_before": "1 day"}, "clocks.work.on_warn", "提醒谁"),
        ({"clocks__work__on_overdue": None}, "clocks.work.on_overdue", "超期"),
        ({"clocks__work__source": None}, "clocks.work.article", "依据"),
        ({"actions__finish__sets": {"number": "1"}}, "actions.finish.sets", "number"),
        (
            {"actions__finish__needs": ["outcome", {"name": "version", "label": "版本"}]},
            "actions.finish.needs",
            "换一个",
        ),
        ({"actions__finish__sets": {"outcome": "FINE"}}, "actions.finish.sets", "SOLVED"),
        ({"actions__finish__needs": ["reason"]}, "states.DONE", "没有办理结果"),
        ({"actions__finish__sets": {"outcome": ""}}, "states.DONE", "没有办理结果"),
        (
            {
                "states__BACK": {"label": "重办"},
                "actions__again": {
                    "label": "重办",
                    "from": "DONE",
                    "to": "BACK",
                    "by": "dispatcher",
                    "sets": {"outcome": ""},
                },
                "actions__drop": {
                    "label": "作罢",
                    "from": "BACK",
                    "to": "DONE",
                    "by": "dispatcher",
                },
            },
            "states.DONE",
            "没有办理结果",
        ),
        ({"actions__finish__answers": True}, "actions.finish.needs", "reply"),
        ({"actions__finish__tells": "{salary}"}, "actions.finish.tells", "salary"),
        ({"actions__finish__tells": "{unit"}, "actions.finish.tells", "大括号"),
        (
            {"actions__finish__notices": {"to": "nobody", "title": "x"}},
            "actions.finish.notices.to",
            "nobody",
        ),
        ({"actions__finish__needs": ["photo"]}, "actions.finish.needs.0", "用途"),
        ({"actions__finish__colour": "red"}, "actions.finish.colour", "没有这个键"),
        ({"law": None}, "law", "补上"),
        ({"promise": "swift"}, "promise", "swift"),
        ({"routing": "guess"}, "routing", "guess"),
        ({"ratings": {"good": "praise", "bad": "finish"}}, "ratings.good", "praise"),
        ({"actions__finish__blocked_by": "rest"}, "actions.finish.blocked_by", "rest"),
        ({"milestones": [{"label": "一", "states": ["GONE"]}]}, "milestones", "GONE"),
    ],
)
def test_what_is_wrong_is_named_with_file_key_and_mend(
    changes: dict[str, object], key: str, words: str
) -> None:
    with pytest.raises(ProcedureInvalid) as wrong:
        checked(_with(**changes), "sample.yaml")
    found = [problem for problem in wrong.value.problems if problem.key == key]
    assert found, wrong.value.zh
    assert any(words in problem.zh for problem in found), found
    assert all(problem.en for problem in found)
    assert wrong.value.zh.startswith("sample.yaml")


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(ProcedureInvalid) as wrong:
        checked(_with(actions__finish__by="boss", clocks__work__stops=None), "sample.yaml")
    assert len(wrong.value.problems) == 2


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [1,\nb: 2"])
def test_what_is_no_procedure_at_all(text: str) -> None:
    with pytest.raises(ProcedureInvalid):
        checked(text, "x.yaml")


def test_needs_come_short_or_described() -> None:
    short = Need.model_validate("reply")
    assert (short.kind, str(short.label)) == (NeedKind.LONG_TEXT, "答复内容")
    photo = Need.model_validate({"photo": {"why": "取证", "optional": True}})
    assert photo.optional
    own = Need.model_validate(
        {"name": "floor", "kind": "CHOICE", "label": "几楼", "choices": {"ONE": "一楼"}}
    )
    assert str(own.choices["ONE"]) == "一楼"


def test_the_limit_depends_on_the_kind_and_urgency() -> None:
    clock = load(BUILT_IN / "residents_report.yaml").clocks["answer"]
    limits = {
        ("CONSULTATION", "NORMAL"): "2 working days",
        ("HELP", "NORMAL"): "10 working days",
        ("COMPLAINT", "NORMAL"): "15 working days",
        ("COMPLAINT", "EMERGENCY"): "1 working day",
    }
    for (kind, urgency), limit in limits.items():
        assert str(clock.limit_for({"kind": kind, "urgency": urgency})) == limit


def test_a_case_number_is_said_easily() -> None:
    assert case_number(123, 2026) == "2026-000123"


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def shipped(request: pytest.FixtureRequest) -> Procedure:
    return load(request.param)


def test_every_party_and_a_photo_s_reason(shipped: Procedure) -> None:
    for action in shipped.actions.values():
        assert set(action.by) <= set(PARTIES)
        photo = action.photo
        assert photo is None or (photo.optional and photo.why)
