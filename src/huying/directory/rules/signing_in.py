"""When an account locks, and what a session still owes (GB/T 22239-2019, 8.1.4.1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class SignInRules:
    """The county's parameters; the defaults are those of the settings."""

    max_failures: int = 5
    lock_minutes: int = 15
    passwords_remembered: int = 5
    password_max_age_days: int = 180
    """0: passwords do not age."""
    second_factor_roles: frozenset[str] = frozenset()
    """ALL: everybody."""
    most_sessions: int = 5
    idle_days: int = 90
    """After so many without use an account is told to the security administrators; 0: never."""

    def lock_until(self, failures: int, now: datetime) -> datetime | None:
        """Until when the account is locked after so many failures in a row; None: not at all."""
        if failures < self.max_failures:
            return None
        return now + timedelta(minutes=self.lock_minutes)

    def password_too_old(self, changed_at: datetime, now: datetime) -> bool:
        limit = self.password_max_age_days
        return limit > 0 and now - changed_at > timedelta(days=limit)

    def idle_before(self, now: datetime) -> datetime | None:
        """Who signed in last before this is long gone; None where nobody is named."""
        return now - timedelta(days=self.idle_days) if self.idle_days else None

    def needs_second_factor(self, roles: frozenset[str]) -> bool:
        return not self.second_factor_roles.isdisjoint(roles | {"ALL"})
