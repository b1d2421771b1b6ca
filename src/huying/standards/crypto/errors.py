"""What can go wrong before any cryptography is done."""


class UnknownAlgorithm(LookupError):
    """No algorithm is registered under this code."""

    def __init__(self, kind: str, code: str, known: tuple[str, ...]) -> None:
        self.code = code
        names = ", ".join(known)
        super().__init__(
            f"没有名为 {code!r} 的算法，请从 {names} 中选择。 / "
            f"No {kind} called {code!r}; choose one of {names}."
        )


class InvalidKey(ValueError):
    """A key has the wrong length, or is not a key of this algorithm."""

    def __init__(self, code: str, reason_zh: str, reason_en: str) -> None:
        self.code = code
        super().__init__(f"{code} 密钥无效：{reason_zh} / Invalid {code} key: {reason_en}")
