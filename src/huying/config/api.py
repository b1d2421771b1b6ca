"""The REST interface: one OpenAPI 3.1 definition over the routers of the rooms."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from huying.cases import rest as cases
from huying.config import errors
from huying.directory import rest as directory
from huying.notices import rest as notices
from huying.sensing import rest as sensing

# What any operation may answer besides its own: each with problem details (RFC 9457).
PROBLEMS = {
    "400": "The request cannot be read",
    "401": "No or no valid credentials",
    "403": "Not allowed",
    "404": "Not found",
    "409": "The state has changed meanwhile, or the idempotency key was used for something else",
    "413": "Too large",
    "422": "A field is wrong; `errors` names each",
    "429": "Too often; see Retry-After",
    "503": "The database is away for a moment; see Retry-After and repeat with the same key",
}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details; `code` is stable, `title` and `detail` for people",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


class Api(NinjaAPI):
    """A ninja API whose definition says what every error looks like."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for path in schema["paths"].values():
            for operation in path.values():
                for status, description in PROBLEMS.items():
                    operation["responses"].pop(int(status), None)
                    operation["responses"][status] = {
                        "description": description,
                        "content": content,
                    }
        return schema


api = Api(
    title="呼应 Huying",
    version="1",
    description=(
        "Reports, cases, observations and notices of one county. Errors are RFC 9457 problem "
        "details; reports, joins, cases and Open311 requests take an Idempotency-Key; lists are "
        "paged by cursor."
    ),
    urls_namespace="api",
)
errors.register(api)
for room in (directory, notices, sensing, cases):
    api.add_router("", room.router)
