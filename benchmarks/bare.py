"""The reference of `lifecycle`: a WSGI application that only stores a row and reads one back.

No framework, no sign-in, no rules: one INSERT committed and one SELECT by key for each call,
prepared, on a connection a thread.
"""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import psycopg

_here = threading.local()


def _connection() -> psycopg.Connection[Any]:
    found: psycopg.Connection[Any] | None = getattr(_here, "connection", None)
    if found is None:
        found = psycopg.connect(
            os.environ["HUYING_DATABASE_URL"], autocommit=True, prepare_threshold=1
        )
        _here.connection = found
    return found


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b"{}"
    connection = _connection()
    added = connection.execute(
        "INSERT INTO bench_bare (body) VALUES (%s::text::jsonb) RETURNING id", [body.decode()]
    ).fetchone()
    assert added is not None
    found = connection.execute(
        "SELECT id, body FROM bench_bare WHERE id = %s", [added[0]]
    ).fetchone()
    assert found is not None
    answer = orjson.dumps({"id": found[0], "body": found[1]})
    start_response(
        "200 OK",
        [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))],
    )
    return [answer]
