"""What leaders and administrators read at a glance."""

from huying.insight.queries.county import (
    CommandScreen,
    Morning,
    command_screen,
    grids_shaded,
    hours_of_the_worst_station,
    morning,
    open_alert_points,
)
from huying.insight.queries.health import HealthPage, Part, health

__all__ = [
    "CommandScreen",
    "HealthPage",
    "Morning",
    "Part",
    "command_screen",
    "grids_shaded",
    "health",
    "hours_of_the_worst_station",
    "morning",
    "open_alert_points",
]
