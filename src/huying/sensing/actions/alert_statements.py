"""The SQL of alerts: each statement works on a whole batch."""

from typing import Final

STANDING: Final = """
SELECT rule_id, device_id, NULL::bigint, extract(epoch FROM breached_since)::bigint,
       extract(epoch FROM evaluated_at)::bigint, NULL::float8, NULL::bigint
FROM sensing_rulestate WHERE breached_since IS NOT NULL
UNION ALL
SELECT rule_id, device_id, id, extract(epoch FROM opened_at)::bigint,
       extract(epoch FROM last_at)::bigint, peak_value, property_id
FROM sensing_alert WHERE closed_at IS NULL
"""

NEWER: Final = """
SELECT k.place FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::smallint[])
       WITH ORDINALITY AS k (device_id, at, kind, p, place)
WHERE EXISTS (
    SELECT 1 FROM {table} o
    WHERE o.device_id = k.device_id AND o.at > to_timestamp(k.at) {kind}
      AND (k.p IS NULL OR k.p = ANY (o.properties))
      AND NOT EXISTS (SELECT 1 FROM unnest(%s::bigint[], %s::bigint[]) AS b (device_id, at)
                      WHERE b.device_id = o.device_id AND to_timestamp(b.at) = o.at))
"""

# The lowest of the values in the window before a sample, or the highest for a rule on falls.
EARLIER: Final = """
SELECT k.place, o.value FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[],
       %s::smallint[], %s::text[], %s::boolean[])
     WITH ORDINALITY AS k (device_id, kind, at, span, p, flags, falls, place)
CROSS JOIN LATERAL (
    SELECT CASE WHEN k.falls THEN max({value}) ELSE min({value}) END AS value FROM {table} o
    WHERE o.device_id = k.device_id AND o.at >= to_timestamp(k.at - k.span)
      AND o.at < to_timestamp(k.at) AND k.p = ANY (o.properties) {filter}) AS o
WHERE o.value IS NOT NULL
"""
EARLIER_HOUR: Final = EARLIER.format(
    value="o.means[array_position(o.properties, k.p)]", table="sensing_hourly_mean", filter=""
)
EARLIER_OTHER: Final = EARLIER.format(
    value="o.values[array_position(o.properties, k.p)]",
    table="sensing_observation",
    filter="AND o.kind = k.kind AND position(substr(o.flags, array_position(o.properties, k.p), 1)"
    " IN k.flags) > 0",
)

OPEN: Final = """
INSERT INTO sensing_alert (device_id, rule_id, rule_version, property_id, severity, opened_at,
    noticed_at, closed_at, value, peak_value, peak_at, last_value, last_at, threshold, trace_id,
    true_alarm_by)
SELECT device_id, rule_id, rule_version, property_id, severity, to_timestamp(opened_at), %s,
       to_timestamp(closed_at), value, peak, to_timestamp(peak_at), last, to_timestamp(last_at),
       threshold, trace_id, ''
FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::smallint[], %s::text[], %s::bigint[],
            %s::bigint[], %s::float8[], %s::float8[], %s::bigint[], %s::float8[], %s::bigint[],
            %s::float8[], %s::uuid[])
     AS g (device_id, rule_id, rule_version, property_id, severity, opened_at, closed_at, value,
           peak, peak_at, last, last_at, threshold, trace_id)
ON CONFLICT (device_id, rule_id) WHERE closed_at IS NULL DO NOTHING
RETURNING id, device_id, rule_id, extract(epoch FROM opened_at)::bigint, trace_id::text
"""

FOLLOW: Final = """
UPDATE sensing_alert a SET
    peak_value = CASE WHEN g.new_peak THEN g.peak ELSE a.peak_value END,
    peak_at = CASE WHEN g.new_peak THEN to_timestamp(g.peak_at) ELSE a.peak_at END,
    last_value = g.last, last_at = to_timestamp(g.last_at),
    closed_at = CASE WHEN g.closed_at IS NOT NULL
                THEN greatest(to_timestamp(g.closed_at), a.opened_at) END
FROM unnest(%s::bigint[], %s::boolean[], %s::float8[], %s::bigint[], %s::float8[], %s::bigint[],
            %s::bigint[]) AS g (id, new_peak, peak, peak_at, last, last_at, closed_at)
WHERE a.id = g.id AND a.closed_at IS NULL
RETURNING a.id, a.closed_at, a.peak_value, g.new_peak
"""
KEEP_STATES: Final = """
INSERT INTO sensing_rulestate (rule_id, device_id, breached_since, evaluated_at, value)
SELECT rule_id, device_id, to_timestamp(since), to_timestamp(evaluated), NULL
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
     AS g (rule_id, device_id, since, evaluated) ORDER BY rule_id, device_id
ON CONFLICT (rule_id, device_id) DO UPDATE SET
    breached_since = excluded.breached_since, evaluated_at = excluded.evaluated_at
"""
