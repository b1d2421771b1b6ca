"""The ledger's public face: tiles for programs (C2SP tlog-tiles), 验真 for people."""

import gzip
import json
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from huying.ledger import queries
from huying.ledger.models import Record
from huying.ledger.rules.errors import MalformedTile
from huying.ledger.rules.tiles import ENTRIES, parse_path

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_WORTH_PACKING: Final = 1_000

# What happened, by the first word of a record's kind. A kind of a room not named here is shown
# in general words; the sealed entry beside it says the rest.
_HAPPENED: Final = {
    "report.received": gettext_lazy("收到一件群众反映"),
    "report": gettext_lazy("收到或答复了一件群众反映"),
    "case.opened": gettext_lazy("立了一件事项"),
    "case.clock": gettext_lazy("一项时限快到期或已超期"),
    "case": gettext_lazy("办理了一件事项"),
    "alert.opened": gettext_lazy("监测数据达到预警值"),
    "alert.closed": gettext_lazy("一次预警解除"),
    "alert.judged": gettext_lazy("核实了一次预警是否属实"),
    "alert": gettext_lazy("监测预警的发生、变化或解除"),
    "device": gettext_lazy("登记或修改了监测设备"),
    "observation": gettext_lazy("导入了监测数据"),
    "division": gettext_lazy("维护了行政区划"),
    "grid": gettext_lazy("维护了网格"),
    "organisation": gettext_lazy("维护了单位信息"),
    "roster": gettext_lazy("安排了值班"),
    "responsibility": gettext_lazy("修改了责任清单"),
    "household": gettext_lazy("维护了住户信息"),
    "person": gettext_lazy("查阅或维护了人员信息"),
    "post": gettext_lazy("授予或收回了岗位"),
    "account.signed_in": gettext_lazy("工作人员登录"),
    "account": gettext_lazy("账号操作"),
    "notice": gettext_lazy("发出通知"),
}
_WHO: Final = {
    "staff": gettext_lazy("工作人员（编号 %s）"),
    "device": gettext_lazy("监测设备（%s）"),
    "client": gettext_lazy("接入系统（编号 %s）"),
}


_TEXT: Final = "text/plain; charset=utf-8"


def _public(response: HttpResponse, cache: str) -> HttpResponse:
    response.headers["Cache-Control"] = cache
    # Anyone's page may check our ledger: there is nothing here that is not public.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed checkpoint."""
    latest = queries.latest_checkpoint()
    if latest is None:
        return HttpResponseNotFound("nothing sealed yet\n", content_type=_TEXT)
    return _public(HttpResponse(latest.note, content_type=_TEXT), "public, max-age=1")


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The log's public keys, one verifier key a line."""
    lines = "".join(f"{line}\n" for line in queries.key_lines())
    return _public(HttpResponse(lines, content_type=_TEXT), "public, max-age=300")


@require_safe
def tile(request: HttpRequest, rest: str) -> HttpResponse:
    """A tile or an entry bundle; 404 for what the tree does not have, or not so wide."""
    try:
        address = parse_path(f"tile/{rest}")
        data = queries.tile(address)
    except MalformedTile as error:
        return HttpResponseNotFound(error.en, content_type=_TEXT)
    if data is None:
        return HttpResponseNotFound("no such tile\n", content_type=_TEXT)
    packed = (
        address.level == ENTRIES
        and len(data) > _WORTH_PACKING
        and "gzip" in request.headers.get("Accept-Encoding", "")
    )
    response = HttpResponse(
        gzip.compress(data, 5) if packed else data, content_type="application/octet-stream"
    )
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if address.level == ENTRIES:
        response.headers["Vary"] = "Accept-Encoding"
    return _public(response, _FOR_EVER)


@require_safe
def ledger(request: HttpRequest) -> HttpResponse:
    """What the public ledger is, how large it is, how to check it without us."""
    context = {
        "latest": queries.latest_checkpoint(),
        "keys": queries.key_lines(),
        "address": f"{settings.PUBLIC_URL}/ledger/",
    }
    return render(request, "ledger/ledger.html", context)


class Row(NamedTuple):
    label: str
    value: str


@require_safe
def verify(request: HttpRequest, record_id: int) -> HttpResponse:
    """验真: the visitor's own browser computes the proof of one record."""
    try:
        proof = queries.proof(record_id)
    except Record.DoesNotExist:
        return render(request, "ledger/unknown.html", {"record_id": record_id}, status=404)
    if proof is None:
        response = render(request, "ledger/pending.html", {"record_id": record_id})
        response.headers["Cache-Control"] = "no-store"
        return response
    sealed = orjson.loads(proof.entry)
    here = reverse("ledger-verify", args=[record_id])
    context = {
        "record_id": record_id,
        "document": proof.document(),
        "happened": _happened(sealed),
        "place": proof.index + 1,
        "at": datetime.fromisoformat(sealed["at"]),
        "who": _who(sealed["actor"]),
        "committed": list(sealed["commitments"]),
        "entry_text": json.dumps(sealed, ensure_ascii=False, indent=2, sort_keys=True),
        "proof": proof,
        "qr_svg": mark_safe(queries.qr_svg(f"{settings.PUBLIC_URL}{here}")),  # noqa: S308 - ours
        "address": f"{settings.PUBLIC_URL}{here}",
    }
    return render(request, "ledger/verify.html", context)


def _happened(sealed: dict[str, Any]) -> str:
    kind = sealed["kind"]
    return str(_HAPPENED.get(kind) or _HAPPENED.get(kind.partition(".")[0]) or _("一次操作"))


def _who(actor: str) -> str:
    kind, _colon, ref = actor.partition(":")
    if kind == "resident":
        return _("群众（不公开身份）")
    if kind == "system":
        return _("系统自动")
    return str(_WHO[kind]) % ref if kind in _WHO else actor


@require_safe
def proof_json(request: HttpRequest, record_id: int) -> HttpResponse:
    """The proof for programs: the fields the verify page embeds."""
    try:
        document = queries.proof_document(record_id)
    except Record.DoesNotExist:
        return _public(JsonResponse({"code": "NOT_FOUND"}, status=404), "no-store")
    if document is None:
        response = JsonResponse({"code": "NOT_SEALED_YET"}, status=404)
        response.headers["Retry-After"] = "1"
        return _public(response, "no-store")
    return _public(JsonResponse(document), "no-store")


@require_safe
def proof_file(request: HttpRequest, record_id: int) -> HttpResponse:
    """The proof as a C2SP tlog-proof file."""
    try:
        proof = queries.proof(record_id)
    except Record.DoesNotExist:
        proof = None
    if proof is None:
        return HttpResponseNotFound("not sealed\n", content_type=_TEXT)
    response = HttpResponse(proof.text, content_type=_TEXT)
    response.headers["Content-Disposition"] = f'attachment; filename="{record_id}.tlog-proof"'
    return _public(response, "no-store")


urlpatterns = [
    path("ledger/", ledger, name="ledger"),
    path("ledger/checkpoint", checkpoint, name="ledger-checkpoint"),
    path("ledger/keys", keys, name="ledger-keys"),
    path("ledger/tile/<path:rest>", tile, name="ledger-tile"),
    path("verify/<int:record_id>/", verify, name="ledger-verify"),
    path("verify/<int:record_id>/proof.json", proof_json, name="ledger-proof-json"),
    path("verify/<int:record_id>/proof.tlog-proof", proof_file, name="ledger-proof-file"),
]
