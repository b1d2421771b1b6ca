"""What must hold in a procedure file beyond its form: names that exist, ends that say how it came
out, clocks that stop, warn and rest on something."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from huying.cases.rules.needs import Words
from huying.cases.rules.parties import PARTIES, RECIPIENTS
from huying.cases.rules.procedure import (
    ANY,
    APPROVE,
    DECLINE,
    START,
    Action,
    Clock,
    Notice,
    Procedure,
    Scope,
)
from huying.cases.rules.vocabulary import Outcome, Urgency
from huying.cases.rules.wording import braces

SETTABLE: Final = frozenset({"officer", "outcome", "supervised", "true_alarm", "urgency"})
SETS_ONE_OF: Final[Mapping[str, frozenset[str]]] = {
    # "" takes an outcome back, where a closed matter is taken up again.
    "outcome": frozenset({"", *Outcome.values}),
    "urgency": frozenset(Urgency.values),
}
RESERVED: Final = frozenset({"version", "report", "place_text", "lon", "lat"})
"""Names of a form's own fields beside what an action needs."""
LIMIT_FIELDS: Final = frozenset({"kind", "urgency", "category"})
FACT_WORDS: Final = frozenset(
    {"number", "title", "place", "unit", "due", "note", "category", "grid", "actor", "people"}
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a procedure file."""

    key: str
    zh: str
    en: str


def problems_of(procedure: Procedure) -> Iterator[Problem]:
    """Everything wrong with a procedure whose form is right."""
    yield from _state_problems(procedure)
    for code, action in procedure.actions.items():
        yield from _action_problems(procedure, code, action)
    for name, clock in procedure.clocks.items():
        yield from _clock_problems(procedure, name, clock)
    if procedure.promise and procedure.promise not in procedure.clocks:
        yield Problem(
            "promise",
            f"没有名为 {procedure.promise} 的时限，请在 clocks 中写明或改正",
            f"there is no clock {procedure.promise}; add it under clocks or correct the name",
        )
    if procedure.routing and procedure.routing not in procedure.actions:
        yield _unknown_action("routing", procedure.routing)
    for milestone in procedure.milestones:
        yield from _unknown_states(procedure, "milestones", milestone.states)
    if procedure.ratings:
        for key, code in (("good", procedure.ratings.good), ("bad", procedure.ratings.bad)):
            if code not in procedure.actions:
                yield _unknown_action(f"ratings.{key}", code)


def _unknown_action(key: str, code: str) -> Problem:
    return Problem(
        key,
        f"没有名为 {code} 的动作，请在 actions 中写明或改正",
        f"there is no action {code}; add it under actions or correct the name",
    )


def _unknown_states(procedure: Procedure, key: str, names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        if name not in procedure.states:
            yield Problem(
                key,
                f"状态 {name} 没有定义，请在 states 中写明或改正",
                f"the state {name} is not defined; add it under states or correct the name",
            )


def _state_problems(procedure: Procedure) -> Iterator[Problem]:
    openings = [code for code, action in procedure.actions.items() if START in action.from_]
    if len(openings) != 1:
        yield Problem(
            "actions",
            f"应当恰有一个动作写 from: START，现有 {len(openings)} 个",
            f"exactly one action must have from: START, there are {len(openings)}",
        )
        return
    reached = _reached(procedure, openings[0])
    for name, state in procedure.states.items():
        key = f"states.{name}"
        if not name.isupper() or name in {START, ANY, "MERGED"}:
            yield Problem(
                key,
                "状态名用大写字母，且不能是 START、ANY、MERGED",
                "a state's name is in capitals and not START, ANY or MERGED",
            )
        if state.turn and state.turn not in PARTIES:
            yield _unknown_party(f"{key}.turn", state.turn)
        if name not in reached:
            yield Problem(
                key,
                "没有动作能到达这个状态，请删去或加上通向它的动作",
                "no action leads to this state; remove it or add an action with it as `to`",
            )
        elif not state.final and not any(
            action.to and action.to != name and procedure.may_start_from(action, name)
            for action in procedure.actions.values()
        ):
            yield Problem(
                key,
                "进入后没有动作能离开，请加上后续动作或写 final: true",
                "no action leads out of it; add one or write final: true",
            )
    yield from _outcome_problems(procedure, openings[0])
    if not any(procedure.states[name].final for name in reached if name in procedure.states):
        yield Problem(
            "states",
            "没有能到达的终点状态，请给一个状态写 final: true",
            "no final state can be reached; write final: true in one",
        )


def _reached(procedure: Procedure, opening: str) -> set[str]:
    reached = {procedure.actions[opening].to}
    while True:
        more = {
            action.to
            for action in procedure.actions.values()
            if action.to
            and any(
                procedure.may_start_from(action, state)
                for state in reached
                if state in procedure.states
            )
        } - reached
        if not more:
            return reached
        reached |= more


def _outcome_problems(procedure: Procedure, opening: str) -> Iterator[Problem]:
    """Every way to a final state must have said how the matter came out."""
    first = procedure.actions[opening]
    ways = [(first.to, _has_outcome(first, before=False))]
    for state, known in ways:
        for action in procedure.actions.values():
            if state in procedure.states and procedure.may_start_from(action, state):
                way = (action.to or state, _has_outcome(action, before=known))
                if way not in ways:
                    ways.append(way)
    for name, spec in procedure.states.items():
        if spec.final and (name, False) in ways:
            yield Problem(
                f"states.{name}",
                "可能没有办理结果就到达这个终点，请在通向它的动作中写 sets: {outcome: …}，"
                "或在 needs 中加上 outcome",
                "it can be reached without an outcome; on the way to it write "
                "sets: {outcome: …} or add outcome to the needs",
            )


def _has_outcome(action: Action, *, before: bool) -> bool:
    if "outcome" in action.sets:
        return bool(action.sets["outcome"])
    need = action.need("outcome")
    return before or (need is not None and not need.optional)


def _unknown_party(key: str, word: str) -> Problem:
    known = "、".join(PARTIES)
    return Problem(
        key,
        f"不认识“{word}”，可以写：{known}",
        f"{word!r} is not known; write one of: {', '.join(PARTIES)}",
    )


def _action_problems(procedure: Procedure, code: str, action: Action) -> Iterator[Problem]:
    key = f"actions.{code}"
    base = procedure.actions.get(code.split("_", 1)[-1])
    if code.startswith((APPROVE, DECLINE)) and base is not None and base.approved_by:
        yield Problem(
            key,
            "approve_、decline_ 开头的动作由 approved_by 自动产生，请换一个名字",
            "actions beginning with approve_ or decline_ come from approved_by; rename it",
        )
    if not action.by:
        yield Problem(f"{key}.by", "没有写由谁来做，请写上", "nobody may take it; say by whom")
    for part, words in (("by", action.by), ("approved_by", action.approved_by)):
        for word in words:
            if word not in PARTIES:
                yield _unknown_party(f"{key}.{part}", word)
    given = [name for name in action.from_ if name not in {START, ANY}]
    yield from _unknown_states(procedure, f"{key}.from", tuple(given))
    if not action.from_:
        yield Problem(f"{key}.from", "没有写从哪个状态开始", "no state to take it from; add one")
    if action.to:
        yield from _unknown_states(procedure, f"{key}.to", (action.to,))
    elif START in action.from_:
        yield Problem(
            f"{key}.to", "第一个动作要写明到达的状态", "the first action must say where it leads"
        )
    for part, clocks in (
        ("blocked_by", action.blocked_by),
        ("while_running", action.while_running),
    ):
        for name in clocks:
            if name not in procedure.clocks:
                yield Problem(
                    f"{key}.{part}",
                    f"没有名为 {name} 的时限，请在 clocks 中写明或改正",
                    f"there is no clock {name}; add it under clocks or correct the name",
                )
    for name in action.sets:
        if name not in SETTABLE:
            yield Problem(
                f"{key}.sets",
                f"不能设定 {name}，只能设定：{'、'.join(sorted(SETTABLE))}",
                f"{name} cannot be set; only {', '.join(sorted(SETTABLE))}",
            )
    for name, values in SETS_ONE_OF.items():
        if name in action.sets and action.sets[name] not in values:
            listed = sorted(filter(None, values))
            yield Problem(
                f"{key}.sets",
                f"{name} 没有 {action.sets[name]} 这个值，可以写：{'、'.join(listed)}",
                f"{name} cannot be {action.sets[name]}; write one of: {', '.join(listed)}",
            )
    for need in action.needs:
        if need.name in RESERVED:
            yield Problem(
                f"{key}.needs",
                f"{need.name} 是表单自己用的名字，请换一个",
                f"{need.name} is a name the forms use themselves; choose another",
            )
    if action.answers and action.need("reply") is None:
        yield Problem(
            f"{key}.needs",
            "写了 answers: true，就要在 needs 中加上 reply",
            "answers: true needs `reply` among its needs",
        )
    if action.withdraws and (action.scope is not Scope.REPORT or action.approved_by):
        yield Problem(
            f"{key}.scope",
            "写了 withdraws: true，就要写 scope: REPORT，且不要 approved_by",
            "withdraws: true needs `scope: REPORT`, and no approved_by",
        )
    names = {need.name for need in action.needs}
    yield from _wording_problems(f"{key}.tells", action.tells, names)
    for notice in action.notices:
        yield from _notice_problems(f"{key}.notices", notice, names)


def _clock_problems(procedure: Procedure, name: str, clock: Clock) -> Iterator[Problem]:
    key = f"clocks.{name}"
    for part, codes in (
        ("starts", clock.starts),
        ("stops", clock.stops),
        ("pauses", clock.pauses),
        ("resumes", clock.resumes),
        ("extends", tuple(clock.extends)),
        ("overdue_action", (clock.overdue_action,) if clock.overdue_action else ()),
    ):
        for code in codes:
            if code not in procedure.actions:
                yield _unknown_action(f"{key}.{part}", code)
    if not clock.starts:
        yield Problem(f"{key}.starts", "没有动作启动它", "no action starts it; add one")
    if not clock.stops:
        yield Problem(
            f"{key}.stops",
            "没有动作停止它，时限会一直走下去，请写明由哪些动作停止",
            "no action stops it and it would run for ever; say which actions stop it",
        )
    if bool(clock.pauses) != bool(clock.resumes):
        yield Problem(
            f"{key}.pauses",
            "中止与恢复要成对写明：pauses 和 resumes",
            "what pauses it and what resumes it go together: give both",
        )
    for field in clock.limit_by:
        if field not in LIMIT_FIELDS:
            yield Problem(
                f"{key}.limit_by",
                f"只能按 {'、'.join(sorted(LIMIT_FIELDS))} 区分，不能按 {field}",
                f"limits differ by {', '.join(sorted(LIMIT_FIELDS))} only, not by {field}",
            )
    for part, notices in (("on_warn", clock.on_warn), ("on_overdue", clock.on_overdue)):
        for notice in notices:
            yield from _notice_problems(f"{key}.{part}", notice, set())
    if clock.on_warn and clock.warn_before is None:
        yield Problem(
            f"{key}.warn_before",
            "写了 on_warn，就要写提前多久：warn_before",
            "on_warn needs warn_before: how long before",
        )
    if clock.warn_before is not None and not clock.on_warn:
        yield Problem(
            f"{key}.on_warn",
            "写了 warn_before，就要写提醒谁：on_warn",
            "warn_before needs on_warn: whom to tell",
        )
    if not clock.on_overdue and not clock.overdue_action:
        yield Problem(
            f"{key}.on_overdue",
            "没有写超期以后告诉谁，请写 on_overdue；由系统自动办的写 overdue_action",
            "nobody is told when it runs out; write on_overdue, or overdue_action for a step "
            "the system takes",
        )
    if not clock.basis:
        yield Problem(
            f"{key}.article",
            "没有写依据：法定的写 article（哪一条），本县自定的写 source（哪个文件）",
            "says nothing of where its limit is from: write article, or source for a limit "
            "of the county's own",
        )


def _notice_problems(key: str, notice: Notice, names: set[str]) -> Iterator[Problem]:
    for word in (*notice.to, *notice.escalate_to):
        if word not in RECIPIENTS:
            yield Problem(
                f"{key}.to",
                f"不认识“{word}”，可以写：{'、'.join(RECIPIENTS)}",
                f"{word!r} is not known; write one of: {', '.join(RECIPIENTS)}",
            )
    yield from _wording_problems(f"{key}.title", notice.title, names)
    yield from _wording_problems(f"{key}.body", notice.body, names)


def _wording_problems(key: str, words: Words | None, names: set[str]) -> Iterator[Problem]:
    for text in (words.zh, words.en) if words else ():
        try:
            fields = braces(text)
        except ValueError:
            yield Problem(key, "大括号没有成对，请检查", "its braces do not match; check them")
            continue
        for field in sorted(fields - FACT_WORDS - names):
            yield Problem(
                key,
                f"不认识 {{{field}}}，可以用：{'、'.join(sorted(FACT_WORDS | names))}",
                f"{{{field}}} is not known; use {', '.join(sorted(FACT_WORDS | names))}",
            )
