"""Reads of sensing, for this room and the rooms above."""

from huying.sensing.parameters import ParametersRefused, retention
from huying.sensing.queries.alerts import (
    AlertView,
    RuleRow,
    alert,
    alert_list,
    coming_maintenance,
    open_alerts,
    rule_rows,
    rule_versions,
    threshold_of,
)
from huying.sensing.queries.observations import (
    DayRow,
    HourRow,
    LatestValue,
    ObservationRow,
    StationRow,
    daily_means,
    latest_values,
    observation_page,
    station_hours,
)
from huying.sensing.queries.operations import (
    ListenerHealth,
    QuarantineCount,
    QuarantineRow,
    listener_health,
    partitions_until,
    quarantine_counts,
    quarantine_page,
)
from huying.sensing.queries.registry import DeviceProfile, Registry, held_registry, registry

__all__ = [
    "AlertView",
    "DayRow",
    "DeviceProfile",
    "HourRow",
    "LatestValue",
    "ListenerHealth",
    "ObservationRow",
    "ParametersRefused",
    "QuarantineCount",
    "QuarantineRow",
    "Registry",
    "RuleRow",
    "StationRow",
    "alert",
    "alert_list",
    "coming_maintenance",
    "daily_means",
    "held_registry",
    "latest_values",
    "listener_health",
    "observation_page",
    "open_alerts",
    "partitions_until",
    "quarantine_counts",
    "quarantine_page",
    "registry",
    "retention",
    "rule_rows",
    "rule_versions",
    "station_hours",
    "threshold_of",
]
