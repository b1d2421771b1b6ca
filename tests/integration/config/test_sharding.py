"""A county's schema holds nothing that schema-based sharding (Citus) refuses: docs/province.md.

Each check is one question to the catalogue with no answer, and is itself tried on a schema that
has what it looks for.
"""

import pytest
from django.conf import settings
from django.db import connection

pytestmark = pytest.mark.django_db

# What must not be there, as a query of names for the schema %(schema)s.
REFUSED = {
    "a trigger": """
        SELECT tgrelid::regclass || '.' || tgname FROM pg_trigger
        JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = %(schema)s::regnamespace AND NOT tgisinternal""",
    "a rule": """
        SELECT ev_class::regclass || '.' || rulename FROM pg_rewrite
        JOIN pg_class ON pg_class.oid = ev_class
        WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'p')""",
    "a foreign key to or from another schema": """
        SELECT conname FROM pg_constraint
        JOIN pg_class one ON one.oid = conrelid JOIN pg_class other ON other.oid = confrelid
        WHERE contype = 'f' AND one.relnamespace <> other.relnamespace
        AND %(schema)s::regnamespace IN (one.relnamespace, other.relnamespace)""",
    "a foreign table": """
        SELECT relname FROM pg_class
        WHERE relnamespace = %(schema)s::regnamespace AND relkind = 'f'""",
    "inheritance that is not partitioning": """
        SELECT parent.relname FROM pg_inherits
        JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
        WHERE %(schema)s::regnamespace IN (parent.relnamespace, child.relnamespace)
        AND parent.relkind NOT IN ('p', 'I')""",
    "a partition in another schema": """
        SELECT child.relname FROM pg_inherits
        JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid
        WHERE %(schema)s::regnamespace IN (parent.relnamespace, child.relnamespace)
        AND parent.relnamespace <> child.relnamespace""",
    "a partition of a partition": """
        SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
        WHERE child.relnamespace = %(schema)s::regnamespace AND child.relkind = 'p'""",
    "something of an extension": """
        SELECT extname FROM pg_extension WHERE extnamespace = %(schema)s::regnamespace
        UNION ALL SELECT relname FROM pg_depend JOIN pg_class ON pg_class.oid = objid
        WHERE deptype = 'e' AND relnamespace = %(schema)s::regnamespace""",
    "a function": """
        SELECT proname FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace""",
    "a type of its own": """
        SELECT typname FROM pg_type LEFT JOIN pg_class ON pg_class.oid = typrelid
        WHERE typnamespace = %(schema)s::regnamespace AND typcategory <> 'A'
        AND (relkind IS NULL OR relkind = 'c')""",
    "a view": """
        SELECT relname FROM pg_class
        WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('v', 'm')""",
    "a table without a primary key, which blocks writers while it moves": """
        SELECT relname FROM pg_class
        WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = pg_class.oid AND contype = 'p')
        AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisreplident)""",
    # A worker node draws from bigint sequences only. Django's own tables get rows from `migrate`
    # alone, which runs through the coordinator; a property made known by a device does not.
    "a sequence too small for the nodes to share, but those docs/province.md names": """
        SELECT relname FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
        WHERE relnamespace = %(schema)s::regnamespace AND seqtypid <> 'bigint'::regtype
        AND relname !~ '^(auth|django)_' AND relname <> 'sensing_property_id_seq'""",
}
# One schema with all of it, and another beside it.
HAS_IT_ALL = """
CREATE SCHEMA beside;
CREATE TABLE beside.far (id bigint PRIMARY KEY);
CREATE SCHEMA bad;
CREATE TABLE bad.near (id bigint PRIMARY KEY REFERENCES beside.far, small serial);
CREATE FUNCTION bad.act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER acts BEFORE INSERT ON bad.near FOR EACH ROW EXECUTE FUNCTION bad.act();
CREATE RULE quietly AS ON DELETE TO bad.near DO INSTEAD NOTHING;
CREATE TABLE bad.heir () INHERITS (bad.near);
CREATE TABLE bad.parts (at date) PARTITION BY RANGE (at);
CREATE TABLE bad.year PARTITION OF bad.parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
    PARTITION BY RANGE (at);
CREATE TABLE beside.month PARTITION OF bad.year FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TYPE bad.colour AS ENUM ('RED');
CREATE VIEW bad.seen AS SELECT * FROM bad.near;
"""
# No extension and no foreign data wrapper ships with the database of the tests.
NOT_TRIED = {"a foreign table", "something of an extension"}


def _found(query: str, schema: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"schema": schema})
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize("what", REFUSED)
def test_the_schema_of_a_county_has_no(what: str) -> None:
    assert _found(REFUSED[what], settings.COUNTY_SCHEMA) == []


def test_each_question_finds_what_it_looks_for() -> None:
    with connection.cursor() as cursor:
        for statement in filter(str.strip, HAS_IT_ALL.split(";\n")):
            cursor.execute(statement)
    blind = {what for what, query in REFUSED.items() if not _found(query, "bad")}
    assert blind == NOT_TRIED


def test_the_jobs_with_their_triggers_lie_beside_it() -> None:
    assert _found(REFUSED["a trigger"], settings.JOBS_SCHEMA)
    assert _found(REFUSED["a foreign key to or from another schema"], settings.JOBS_SCHEMA) == []
