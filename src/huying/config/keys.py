"""All keys of a county at once, for where their place is read-only when the site runs."""

from django.conf import settings

from huying.directory import vault
from huying.ledger import keys as ledger
from huying.notices import keys as notices


def make_missing() -> list[str]:
    """Make each key that is not there yet; the files of HUYING_KEY_DIR. Needs no database.

    Where the site may write there, each key is made at its first use and this is not needed.
    """
    vault.key_ring()
    notices.vapid_key()
    ledger.log_keys(settings.PUBLIC_URL)
    return sorted(path.name for path in settings.KEY_DIR.iterdir())
