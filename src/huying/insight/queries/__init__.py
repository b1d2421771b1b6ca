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
from huying.insight.queries.health import (
    HealthPage,
    JobHealth,
    Part,
    health,
    job_health,
    last_backup,
)

__all__ = [
    "CommandScreen",
    "HealthPage",
    "JobHealth",
    "Morning",
    "Part",
    "command_screen",
    "grids_shaded",
    "health",
    "hours_of_the_worst_station",
    "job_health",
    "last_backup",
    "morning",
    "open_alert_points",
]
