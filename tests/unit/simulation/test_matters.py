"""A year of matters: plausible, true to the grammar, lived in order."""

import datetime as dt

import numpy as np
import pytest

from huying.simulation.fiction import grammar, land, matters
from huying.simulation.fiction.sizes import Size

UNTIL = dt.datetime(2026, 11, 22, 11, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def county() -> land.Land:
    return land.build(Size.of(1_000), np.random.default_rng(3))


@pytest.fixture(scope="module")
def year(county: land.Land) -> matters.Matters:
    (chunk,) = matters.generate(county, 4_000, 1_000, UNTIL, 365, np.random.default_rng(4))
    return chunk


def test_every_category_has_stories_for_where_it_happens() -> None:
    for subject in grammar.load().subjects:
        if subject.where != "COUNTRY":
            assert subject.town_stories, subject.code
        if subject.where != "TOWN":
            assert subject.country_stories, subject.code
        assert len(subject.season) == 12


def test_texts_differ_and_have_no_open_slots(year: matters.Matters) -> None:
    texts = [said.text for said in year.said]
    assert len(set(texts)) > 0.98 * len(texts)
    for said in year.said:
        for words in (said.title, said.text, said.place, said.reply):
            assert "{" not in words
            assert words
        assert len(said.title) <= 120
        assert len(said.place) <= 200


def test_place_and_category_agree(county: land.Land, year: matters.Matters) -> None:
    subjects = grammar.load().subjects
    for subject, grid in zip(year.subject.tolist(), year.grid.tolist(), strict=True):
        where = subjects[subject].where
        assert where == "BOTH" or (where == "TOWN") == county.grids[grid].urban


def test_everything_lies_within_the_history(year: matters.Matters) -> None:
    end = UNTIL.timestamp()
    first = (UNTIL - dt.timedelta(days=367)).timestamp()
    for at in year.steps.values():
        assert (at <= end).all()
    submitted = year.steps["submit"]
    assert (submitted > first).all()
    assert (np.diff(submitted) >= 0).all()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("submit", "dispatch"),
        ("dispatch", "return"),
        ("return", "dispatch_again"),
        ("dispatch", "take"),
        ("take", "answer"),
        ("take", "withdraw"),
        ("answer", "reject"),
        ("reject", "answer_again"),
        ("answer", "verify"),
        ("answer", "rate"),
        ("rate", "call_back"),
        ("call_back", "reopen"),
        ("reopen", "answer_remedy"),
        ("answer", "close"),
    ],
)
def test_steps_follow_one_another(year: matters.Matters, before: str, after: str) -> None:
    happened = year.steps[after] > 0
    assert happened.any()
    assert (year.steps[before][happened] > 0).all()
    assert (year.steps[before][happened] <= year.steps[after][happened]).all()


def test_a_withdrawn_matter_is_not_answered(year: matters.Matters) -> None:
    withdrawn = year.steps["withdraw"] > 0
    assert withdrawn.any()
    assert (year.steps["answer"][withdrawn] == 0).all()


def test_offices_act_on_working_days_only(year: matters.Matters) -> None:
    from huying.standards.working_days import published_calendar

    calendar = published_calendar()
    for at in year.steps["answer"][year.steps["answer"] > 0].tolist():
        local = dt.datetime.fromtimestamp(at, dt.timezone(dt.timedelta(hours=8)))
        assert calendar.is_working_day(local.date())
        assert 8 <= local.hour < 18


def test_heating_is_a_matter_of_winter(year: matters.Matters) -> None:
    subjects = grammar.load().subjects
    heating = [s.code for s in subjects].index("HEATING")
    months = [
        dt.datetime.fromtimestamp(at, dt.UTC).month
        for at in year.steps["submit"][year.subject == heating].tolist()
    ]
    assert len(months) > 50
    assert not {5, 6, 7, 8} & set(months)


def test_ratings_come_with_answers_and_are_mostly_good(year: matters.Matters) -> None:
    rated = year.rating != ""
    assert (year.steps["rate"][rated] > 0).all()
    bad = np.isin(year.rating, ["DISSATISFIED", "VERY_DISSATISFIED"])
    assert 0.02 < bad.sum() / rated.sum() < 0.15
    assert 0.3 < rated.mean() < 0.6


def test_repeats_name_an_earlier_matter_of_the_same_place(year: matters.Matters) -> None:
    repeats = np.flatnonzero(year.repeat_of >= 0)
    assert len(repeats) > 50
    for at in repeats.tolist():
        earlier = int(year.repeat_of[at])
        assert earlier < at
        assert year.subject[earlier] == year.subject[at]
        assert year.grid[earlier] == year.grid[at]
    same = year.reporter[year.repeat_of[repeats]] == year.reporter[repeats]
    assert 0.6 < same.mean() < 0.95


def test_a_seed_reproduces(county: land.Land) -> None:
    one, same = (
        next(matters.generate(county, 200, 100, UNTIL, 90, np.random.default_rng(6)))
        for _ in range(2)
    )
    assert [s.text for s in one.said] == [s.text for s in same.said]
    assert {k: v.tolist() for k, v in one.steps.items()} == {
        k: v.tolist() for k, v in same.steps.items()
    }


def test_chunks_number_matters_onward(county: land.Land, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matters, "A_CHUNK", 150)
    chunks = list(matters.generate(county, 400, 100, UNTIL, 90, np.random.default_rng(6)))
    assert [(chunk.first, len(chunk)) for chunk in chunks] == [(0, 150), (150, 150), (300, 100)]


def test_responsibilities_cover_every_category_said(county: land.Land) -> None:
    words = grammar.load()
    rules = words.responsibilities(county)
    assert len({(category, prefix) for category, prefix, _ in rules}) == len(rules)
    county_wide = {category for category, prefix, _ in rules if not prefix}
    assert {subject.category for subject in words.subjects} <= county_wide
