"""What others may subscribe to. Receivers run inside the transaction that opened the alert.

A receiver that raises does not lose the alert: its own work is rolled back to a savepoint, the
alert stays not handed over, and `tasks.hand_over_alerts` sends the event again.
"""

from dataclasses import dataclass
from datetime import datetime

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class AlertOpened:
    """A rule was met. `value` and `threshold` are in `unit`; both None for a silent device."""

    alert_id: int
    device_id: int
    device_name: str
    rule_code: str
    rule_name: str
    severity: str
    property_code: str
    property_name: str
    unit: str
    value: float | None
    threshold: float | None
    opened_at: datetime
    lon: float | None
    lat: float | None
    grid_code: str | None
    division_code: str | None
    summary: str
    """One sentence in Chinese, e.g. 东四站 PM2.5 小时均值 182 µg/m³，达到预警值 150 µg/m³"""


@dataclass(frozen=True, slots=True)
class AlertUpdated:
    """An open alert reached a new peak, or somebody recorded whether it was a true alarm."""

    alert_id: int
    peak_value: float | None
    true_alarm: bool | None


@dataclass(frozen=True, slots=True)
class AlertClosed:
    """The value is back below the rule's clearing value, or the device is heard again."""

    alert_id: int
    closed_at: datetime
    peak_value: float | None


about_to_listen = Signal()
"""A listener process takes its first connection next; nothing is in hand yet. For receivers of
alerts: what takes long the first time is better made ready now. No event comes with it."""
alert_opened = Signal()
"""`signal.send(sender=AlertOpened, event=AlertOpened(...))`"""
alert_updated = Signal()
alert_closed = Signal()
