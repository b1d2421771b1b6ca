"""The directory's parameters, as the settings (and so the environment) give them."""

from django.conf import settings

from huying.directory.rules.signing_in import SignInRules

_DEFAULTS = SignInRules()


def sign_in_rules() -> SignInRules:
    return SignInRules(
        max_failures=getattr(settings, "SIGN_IN_MAX_FAILURES", _DEFAULTS.max_failures),
        lock_minutes=getattr(settings, "SIGN_IN_LOCK_MINUTES", _DEFAULTS.lock_minutes),
        passwords_remembered=getattr(
            settings, "PASSWORDS_REMEMBERED", _DEFAULTS.passwords_remembered
        ),
        password_max_age_days=getattr(
            settings, "PASSWORD_MAX_AGE_DAYS", _DEFAULTS.password_max_age_days
        ),
        most_sessions=getattr(settings, "MOST_SESSIONS", _DEFAULTS.most_sessions),
        idle_days=getattr(settings, "IDLE_ACCOUNT_DAYS", _DEFAULTS.idle_days),
        second_factor_roles=frozenset(getattr(settings, "SECOND_FACTOR_ROLES", ())),
    )
