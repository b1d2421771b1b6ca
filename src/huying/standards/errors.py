"""The one shape of "this input is not valid" in this room."""


class InvalidInput(ValueError):
    """Input refused by a standard, with a reason a person can act on, in two languages.

    ``code`` is stable and meant for programs; ``zh`` and ``en`` are meant for people.
    """

    code = "INVALID_INPUT"

    def __init__(self, zh: str, en: str, *, code: str | None = None) -> None:
        self.zh = zh
        self.en = en
        if code is not None:
            self.code = code
        super().__init__(f"{zh} / {en}")
