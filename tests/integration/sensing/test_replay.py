"""Real air over real sockets: the alerts equal an independent recomputation, hour by hour."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from huying.sensing import actions, replay
from huying.sensing.actions import RuleWording
from huying.sensing.models import Alert, DailyMean, HourlyMean, Observation, Quarantine
from tests.factories.sensing import SYSTEM
from tests.integration.sensing.devices import RunningListener

pytestmark = pytest.mark.django_db(transaction=True)

SINCE, UNTIL = "2016-12-01", "2017-01-01"


def stations(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "air").glob("*.csv.gz"))


def recomputed(
    path: Path, threshold: float, clear: float
) -> tuple[pd.DataFrame, list[tuple[str, str, float]]]:
    """The month of a station, and its alerts as (opened, closed or "", peak): straight pandas."""
    table = pd.read_csv(path)
    table["at"] = pd.to_datetime(table[["year", "month", "day", "hour"]])
    month = table[(table["at"] >= SINCE) & (table["at"] < UNTIL)].sort_values("at")
    alerts: list[tuple[str, str, float]] = []
    running: list[float] = []
    opened = ""
    for at, value in month.loc[month["PM2.5"].notna(), ["at", "PM2.5"]].itertuples(index=False):
        if not opened and value > threshold:
            opened, running = str(at), [value]
        elif opened and value <= clear:
            alerts.append((opened, str(at), max(running)))
            opened = ""
        elif opened:
            running.append(value)
    if opened:
        alerts.append((opened, "", max(running)))
    return month, alerts


def local(moment: datetime) -> str:
    return str(pd.Timestamp(moment).tz_convert("Asia/Shanghai").tz_localize(None))


@pytest.mark.slow
def test_a_month_of_nine_stations(listener: RunningListener, shared_data: Path) -> None:
    files = stations(shared_data)
    assert len(files) == 9

    result = replay.air(files, port=listener.port, since=SINCE, until=UNTIL)

    assert (result.unanswered, result.refused) == (0, {})
    assert result.acknowledged == result.frames
    total = 0
    for path in files:
        month, expected = recomputed(path, 150, 115)
        mn = replay.mn_of(path)
        found = [
            (local(a.opened_at), local(a.closed_at) if a.closed_at else "", a.peak_value)
            for a in Alert.objects.filter(device__mn=mn).order_by("opened_at")
        ]
        assert found == expected, path.name
        total += len(expected)
        sent = month[[*replay.COLUMNS, "wd"]].notna().any(axis=1)
        assert HourlyMean.objects.filter(device__mn=mn).count() == int(sent.sum())
    assert total > 50
    assert Observation.objects.count() == result.frames
    assert not Quarantine.objects.exists()


@pytest.mark.slow
def test_the_same_again_changes_nothing(listener: RunningListener, shared_data: Path) -> None:
    files = stations(shared_data)[:2]
    for _ in range(2):
        result = replay.air(files, port=listener.port, since="2016-12-01", until="2016-12-08")
        assert result.acknowledged == result.frames
    counts = (Observation.objects.count(), Alert.objects.count())
    actions.forget_everything()  # as after a restart
    replay.air(files, port=listener.port, since="2016-12-01", until="2016-12-08")

    assert (Observation.objects.count(), Alert.objects.count()) == counts


@pytest.mark.slow
def test_days_and_the_other_rules_agree_with_pandas(
    listener: RunningListener, shared_data: Path
) -> None:
    path = stations(shared_data)[0]
    actions.save_rule(
        code="long",
        wording=RuleWording(
            name="PM2.5 持续", test="THRESHOLD", property_code="a34004", threshold=100,
            for_seconds=3 * 3600,
        ),
        by=SYSTEM,
    )  # fmt: skip
    replay.air([path], port=listener.port, since=SINCE, until=UNTIL)

    month, _ = recomputed(path, 150, 115)
    values = month.set_index("at")["PM2.5"]
    daily = values.groupby(values.index.date).agg(["mean", "count"])
    stored = {
        row.date: (row.means[place], row.hours[place])
        for row in DailyMean.objects.all()
        for place, number in enumerate(row.properties)
        if number == Alert.objects.filter(rule__code="pm25_hour")[0].property_id
    }
    for day, (mean, count) in daily.iterrows():
        if count:
            assert stored[day][0] == pytest.approx(mean)
            assert stored[day][1] == count

    # Three hourly values in a row (gaps of an hour are bridged) above 100.
    present = values.dropna()
    run, start, previous = 0, present.index[0], None
    held = []
    for at, value in present.items():
        gap = previous is not None and (at - previous) > pd.Timedelta(hours=3)
        run = 0 if value <= 100 or gap else run
        if value > 100:
            start = at if run == 0 else start
            run += 1
            if at + pd.Timedelta(hours=1) - start >= pd.Timedelta(hours=3):
                held.append(str(at))
        previous = at
    opened = [local(a.opened_at) for a in Alert.objects.filter(rule__code="long")]
    assert opened
    assert set(opened) <= set(held)
    assert min(opened) == held[0]
