"""Every write of sensing."""

from huying.sensing.actions.alert_rules import (
    RuleRefused,
    RuleWording,
    StaleRule,
    ensure_catalogue,
    plan_maintenance,
    save_rule,
)
from huying.sensing.actions.alerts import (
    UnknownAlert,
    evaluate_silence,
    hand_over_alerts,
    record_true_alarm,
)
from huying.sensing.actions.devices import (
    DeviceExists,
    DeviceRefused,
    NewDevice,
    PropertyWording,
    change_device,
    register_device,
    register_devices,
    save_property,
)
from huying.sensing.actions.heard import heard_log
from huying.sensing.actions.history import (
    HourSeries,
    PastAlert,
    PastJudgement,
    UnknownSeries,
    import_hours,
    import_judgements,
    note_last_heard,
)
from huying.sensing.actions.hours import close_hours
from huying.sensing.actions.ingest import (
    BatchResult,
    OneResult,
    forget_everything,
    ingest_batch,
    ingest_one,
    make_ready,
)
from huying.sensing.actions.listening import Counters, forget_old_listeners, note_listener
from huying.sensing.actions.partitions import (
    drop_old_partitions,
    ensure_partitions,
    ensure_partitions_ahead,
)
from huying.sensing.actions.quarantining import Kept, NothingToReplay
from huying.sensing.actions.recounting import recount_observations
from huying.sensing.actions.replaying import (
    ReplayResult,
    dismiss_quarantine,
    drop_old_quarantine,
    replay_quarantine,
)
from huying.sensing.rules.payloads import Unreadable
from huying.sensing.rules.readings import Outcome, Reading, Refusal

__all__ = [
    "BatchResult",
    "Counters",
    "DeviceExists",
    "DeviceRefused",
    "HourSeries",
    "Kept",
    "NewDevice",
    "NothingToReplay",
    "OneResult",
    "Outcome",
    "PastAlert",
    "PastJudgement",
    "PropertyWording",
    "Reading",
    "Refusal",
    "ReplayResult",
    "RuleRefused",
    "RuleWording",
    "StaleRule",
    "UnknownAlert",
    "UnknownSeries",
    "Unreadable",
    "change_device",
    "close_hours",
    "dismiss_quarantine",
    "drop_old_partitions",
    "drop_old_quarantine",
    "ensure_catalogue",
    "ensure_partitions",
    "ensure_partitions_ahead",
    "evaluate_silence",
    "forget_everything",
    "forget_old_listeners",
    "hand_over_alerts",
    "heard_log",
    "import_hours",
    "import_judgements",
    "ingest_batch",
    "ingest_one",
    "make_ready",
    "note_last_heard",
    "note_listener",
    "plan_maintenance",
    "record_true_alarm",
    "recount_observations",
    "register_device",
    "register_devices",
    "replay_quarantine",
    "save_property",
    "save_rule",
]
