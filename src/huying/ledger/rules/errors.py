"""What the ledger refuses, each with a reason in Chinese and English."""


class LedgerError(Exception):
    """Base of everything the ledger refuses; `str()` is the Chinese sentence."""

    code = "LEDGER_ERROR"
    status = 400

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en


class EntryRefused(LedgerError):
    """The entry cannot be sealed: not JSON, or larger than a bundle can carry."""

    code = "ENTRY_REFUSED"
    status = 422


class MalformedNote(LedgerError):
    """The text is not a signed note or not a checkpoint."""

    code = "MALFORMED_NOTE"
    status = 422


class MalformedTile(LedgerError):
    """The bytes or the path are not a tile or an entry bundle."""

    code = "MALFORMED_TILE"
    status = 422
