"""Every write of notices."""

from huying.notices.actions.blank import blank_notices
from huying.notices.actions.choose import (
    AddressRefused,
    add_address,
    remove_address,
    set_preferences,
    subscribe_push,
    unsubscribe_push,
)
from huying.notices.actions.deliver import DrainResult, NotADeadLetter, drain, resend
from huying.notices.actions.escalate import escalate_unread, forget_old, stop_escalation
from huying.notices.actions.idle import tell_of_idle_accounts
from huying.notices.actions.read import mark_all_read, mark_read
from huying.notices.actions.tell import (
    CaseNews,
    Glance,
    NoticeTooLong,
    announce_case,
    notify,
)

__all__ = [
    "AddressRefused",
    "CaseNews",
    "DrainResult",
    "Glance",
    "NotADeadLetter",
    "NoticeTooLong",
    "add_address",
    "announce_case",
    "blank_notices",
    "drain",
    "escalate_unread",
    "forget_old",
    "mark_all_read",
    "mark_read",
    "notify",
    "remove_address",
    "resend",
    "set_preferences",
    "stop_escalation",
    "subscribe_push",
    "tell_of_idle_accounts",
    "unsubscribe_push",
]
