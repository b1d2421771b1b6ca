"""Spans of OpenTelemetry, where an exporter is named; elsewhere nothing, at no cost.

Switched on by OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT), and shaped by the other OTEL_*
variables of the specification. Attributes are numbers and codes, never what somebody wrote.
"""

import os
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol

Value = str | int | float | bool


class Span(Protocol):
    def set(self, **attributes: Value) -> None:
        """Say more of it; double underscores stand for dots (http__route)."""


class _Nothing(AbstractContextManager["_Nothing"]):
    """A span that nobody collects."""

    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def set(self, **attributes: Value) -> None:
        return None


_NOTHING: Final = _Nothing()
ON: Final = bool(
    os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
) and (os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true")


def span(name: str, **attributes: Value) -> AbstractContextManager[Span]:
    """`with span("case.act", action=code) as current:` the time until its end, and what it says."""
    if not ON:
        return _NOTHING
    # Costs a tenth of a second and 20 MB: only who exports traces loads it.
    from huying.telemetry import otlp

    return otlp.span(name, attributes)
