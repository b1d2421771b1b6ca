"""What is sent twice is done once: the sender's key, and a digest of all that was sent."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import orjson
from django.db import IntegrityError, transaction

from huying.cases.actions.acting import NeedsField
from huying.directory.permissions import Actor, DomainError

T = TypeVar("T")

LONGEST_KEY: Final = 100
SHORTEST_ANONYMOUS_KEY: Final = 16


class IdempotencyConflict(DomainError):
    """The same idempotency key came with another body."""

    code = "IDEMPOTENCY_CONFLICT"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "这个请求编号已用于另一件事项，请换一个编号再提交。",
            "This idempotency key was used for something else; use a new one.",
        )


def key_of(key: str, by: Actor) -> str | None:
    """The key among those of this actor; None where none was sent. Raises NeedsField."""
    if len(key) > LONGEST_KEY:
        raise NeedsField(
            f"幂等键最长 {LONGEST_KEY} 个字符。",
            f"An idempotency key has at most {LONGEST_KEY} characters.",
            field="idempotency_key",
        )
    guessable = len(key) < SHORTEST_ANONYMOUS_KEY or len(set(key)) < SHORTEST_ANONYMOUS_KEY // 2
    if key and guessable and by.kind == "RESIDENT":
        raise NeedsField(
            f"不登录提交时，幂等键要用至少 {SHORTEST_ANONYMOUS_KEY} 个字符的随机数，例如 UUID。",
            f"Without signing in, an idempotency key is random and has at least "
            f"{SHORTEST_ANONYMOUS_KEY} characters, as a UUID.",
            field="idempotency_key",
        )
    return f"{by.ref}:{key}" if key else None


def digest_of(body: Mapping[str, Any]) -> str:
    """What two requests are compared by."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def written_once(earlier: Callable[[], T | None], write: Callable[[], T]) -> T:
    """What `earlier` finds of the same request, else what `write` makes, in a transaction."""
    found = earlier()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return write()
    except IntegrityError:
        # Two of the same request at one moment: the other one was written first.
        found = earlier()
        if found is None:
            raise
        return found
