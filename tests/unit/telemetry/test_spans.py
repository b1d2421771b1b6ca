"""Spans: nothing where none are wanted; with an exporter, under the id that is in the log."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from huying.telemetry import otlp, spans, trace

SOURCE = Path(__file__).resolve().parents[3] / "src"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def test_off_it_is_not_even_imported() -> None:
    program = (
        "import sys; from huying.telemetry.spans import ON, span\n"
        "with span('act', action='take') as current: current.set(n=1)\n"
        "assert not ON; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(SOURCE)}, check=False
    )
    assert done.returncode == 0
    assert spans.span("a") is spans.span("b")


def test_a_trace_has_our_id_and_spans_lie_within_each_other(
    exporter: InMemorySpanExporter,
) -> None:
    provider = otlp.provider_for(exporter)
    tracer = provider.get_tracer("test")
    with trace.begun() as trace_id, otlp.span("request", {}, tracer=tracer):
        with otlp.span("case.act", {"action": "take"}, tracer=tracer) as act:
            act.set(db__statements=7)
        with trace.begun() as own, otlp.span("alert", {}, tracer=tracer):
            pass
    provider.shutdown()
    act_span, alert, request = exporter.get_finished_spans()
    assert request.context is not None
    assert f"{request.context.trace_id:032x}" == trace_id
    assert request.parent is None
    assert act_span.parent is not None
    assert act_span.parent.span_id == request.context.span_id
    assert dict(act_span.attributes or {}) == {"action": "take", "db.statements": 7}
    assert alert.context is not None
    assert f"{alert.context.trace_id:032x}" == own
    assert alert.parent is None


def test_a_callers_span_is_the_parent(exporter: InMemorySpanExporter) -> None:
    provider = otlp.provider_for(exporter)
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    tracer = provider.get_tracer("test")
    with trace.begun(traceparent=header), otlp.span("request", {}, tracer=tracer):
        pass
    provider.shutdown()
    (request,) = exporter.get_finished_spans()
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == "b7ad6b7169203331"


def test_an_error_is_named_and_not_quoted(exporter: InMemorySpanExporter) -> None:
    provider = otlp.provider_for(exporter)
    with (
        pytest.raises(ValueError, match="words"),
        otlp.span("act", {}, tracer=provider.get_tracer("test")),
    ):
        raise ValueError("words of a resident")
    provider.shutdown()
    (act,) = exporter.get_finished_spans()
    assert act.status.description == "ValueError"
    assert not act.events


class Stuck(InMemorySpanExporter):
    """A collector that does not answer for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.answers.wait(20)
        return super().export(spans)


def test_a_collector_that_is_away_fills_no_memory() -> None:
    stuck = Stuck()
    provider = otlp.provider_for(stuck)
    tracer = provider.get_tracer("tests")
    for _ in range(10_000):
        tracer.start_span("one").end()
    stuck.answers.set()
    provider.shutdown()
    # The queue's 2,048 and the batches that were on their way.
    assert len(stuck.get_finished_spans()) < 5_000
