"""Tables of sensing: devices, observations and their rollups, rules, alerts, quarantine."""

from huying.sensing.models.alerts import (
    Alert,
    AlertRule,
    AlertRuleVersion,
    MaintenanceWindow,
    RuleState,
)
from huying.sensing.models.devices import (
    Device,
    DeviceProperty,
    DeviceState,
    ListenerState,
    Property,
    RegistryEdition,
)
from huying.sensing.models.observations import DailyMean, HourlyMean, HourTally, Observation
from huying.sensing.models.quarantine import Quarantine

__all__ = [
    "Alert",
    "AlertRule",
    "AlertRuleVersion",
    "DailyMean",
    "Device",
    "DeviceProperty",
    "DeviceState",
    "HourTally",
    "HourlyMean",
    "ListenerState",
    "MaintenanceWindow",
    "Observation",
    "Property",
    "Quarantine",
    "RegistryEdition",
    "RuleState",
]
