"""The spans as OpenTelemetry has them, exported over OTLP/HTTP by the SDK's own thread."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from opentelemetry import context as contexts
from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from huying.telemetry import trace
from huying.telemetry.spans import Value


class _OurTraceIds(RandomIdGenerator):
    """A span that begins a trace begins ours: the id is the one in the log."""

    def generate_trace_id(self) -> int:
        known = trace.current_id()
        return int(known, 16) if known else super().generate_trace_id()


def provider_for(exporter: SpanExporter) -> TracerProvider:
    resource = Resource.create({SERVICE_NAME: "huying"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, id_generator=_OurTraceIds())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


@cache
def _tracer() -> api.Tracer:
    """Made at the first span, hence in the process that has it."""
    return provider_for(OTLPSpanExporter()).get_tracer("huying")


class _Span:
    def __init__(self, span: api.Span) -> None:
        self._span = span

    def set(self, **attributes: Value) -> None:
        self._span.set_attributes(_named(attributes))


@contextmanager
def span(
    name: str, attributes: Mapping[str, Value], *, tracer: api.Tracer | None = None
) -> Iterator[_Span]:
    with (tracer or _tracer()).start_as_current_span(
        name,
        context=_above(),
        attributes=_named(attributes),
        # The text of an exception may hold what somebody wrote.
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield _Span(current)
        except BaseException as error:
            current.set_status(api.StatusCode.ERROR, type(error).__name__)
            raise


def _above() -> contexts.Context | None:
    """What the next span lies within: the current one if it is of this trace, else the caller's
    span, else nothing."""
    ours = trace.current()
    if ours is None:
        return None
    within = api.get_current_span().get_span_context()
    if within.is_valid and within.trace_id == int(ours.trace_id, 16):
        return None
    if not ours.parent_id:
        return contexts.Context()
    parent = api.SpanContext(
        int(ours.trace_id, 16),
        int(ours.parent_id, 16),
        is_remote=True,
        trace_flags=api.TraceFlags(api.TraceFlags.SAMPLED if ours.sampled else 0),
    )
    return api.set_span_in_context(api.NonRecordingSpan(parent), contexts.Context())


def _named(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {name.replace("__", "."): value for name, value in attributes.items()}
