"""The REST interface: one OpenAPI 3.1 definition over the routers of the rooms."""

import importlib
import importlib.util

from ninja import NinjaAPI

from huying.config import errors

api = NinjaAPI(
    title="呼应 Huying",
    version="1",
    description=(
        "Reports, cases, observations and notices of one county. Errors are RFC 9457 problem "
        "details; writes take an Idempotency-Key; lists are paged by cursor."
    ),
    urls_namespace="api",
)
errors.register(api)
for room in ("directory", "notices", "sensing", "cases"):
    if importlib.util.find_spec(f"huying.{room}.rest"):
        api.add_router("", importlib.import_module(f"huying.{room}.rest").router)
