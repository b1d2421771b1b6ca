"""What can go wrong before any cryptography is done."""

from huying.standards.errors import InvalidInput


class UnknownAlgorithm(InvalidInput):
    """No algorithm is registered under this code."""

    code = "UNKNOWN_ALGORITHM"

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        choices = ", ".join(known)
        super().__init__(
            f"没有名为 {name!r} 的算法，请从 {choices} 中选择。",
            f"No {kind} called {name!r}; choose one of {choices}.",
        )


class InvalidKey(InvalidInput):
    """A key has the wrong length, or is not a key of this algorithm."""

    code = "INVALID_KEY"

    def __init__(self, algorithm: str, reason_zh: str, reason_en: str) -> None:
        self.algorithm = algorithm
        super().__init__(
            f"{algorithm} 密钥无效：{reason_zh}。", f"Invalid {algorithm} key: {reason_en}."
        )
