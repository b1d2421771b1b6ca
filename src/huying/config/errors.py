"""The one translator of domain errors: RFC 9457 problem details for programs, a page for people."""

import errno
import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from huying.directory.permissions import DomainError, NotAllowed
from huying.directory.throttle import TooOften
from huying.telemetry import trail

_PROGRAMS_READ = ("/ledger/checkpoint", "/ledger/keys", "/ledger/tile/")
RETRY_SECONDS = 5
# What tells of somebody who tries doors.
_TELLING = frozenset({401, 403, 404, 423, 429})
_logger = logging.getLogger(__name__)


def problem(status: int, code: str, title: str, detail: str = "", **extra: Any) -> HttpResponse:
    """An RFC 9457 answer. `code` is stable and UPPERCASE; title and detail are for people."""
    body = {
        "type": f"urn:huying:problem:{code.lower().replace('_', '-')}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "code": code,
        **extra,
    }
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/problem+json")


def _in_language(error: DomainError) -> str:
    return error.en if (get_language() or "").startswith("en") else error.zh


def _with_delay(answer: HttpResponse, error: DomainError) -> HttpResponse:
    if isinstance(error, TooOften):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _as_problem(error: DomainError) -> HttpResponse:
    return problem(
        error.status, error.code, _in_language(error), title_zh=error.zh, title_en=error.en
    )


def _noted(request: HttpRequest, code: str, status: int) -> None:
    """A line of the log for whoever was not let in, found nothing or came too often: who it was
    and the pattern of the address, never the address."""
    if status not in _TELLING:
        return
    found = request.resolver_match
    trail.note(
        "access.refused",
        code=code,
        status=status,
        by=getattr(getattr(request, "_huying_actor", None), "ref", ""),
        route=found.route if found else "",
    )


def register(api: NinjaAPI) -> None:
    """Teach a ninja API to answer every error as a problem."""

    @api.exception_handler(DomainError)
    def domain(request: HttpRequest, error: DomainError) -> HttpResponse:
        _noted(request, error.code, error.status)
        return _with_delay(_as_problem(error), error)

    @api.exception_handler(ValidationError)
    def validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
        errors = [
            {"pointer": "/" + "/".join(str(part) for part in item["loc"]), "detail": item["msg"]}
            for item in error.errors
        ]
        return problem(
            422,
            "INVALID_INPUT",
            _("填写的内容有误，请按提示改正后重试"),
            "; ".join(f"{e['pointer']}: {e['detail']}" for e in errors),
            errors=errors,
        )

    @api.exception_handler(AuthenticationError)
    def authentication(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        _noted(request, "NOT_SIGNED_IN", 401)
        answer = problem(401, "NOT_SIGNED_IN", _("请先登录，或提供有效的访问令牌"))
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return problem(404, "NOT_FOUND", _("没有找到，请核对编号"))

    @api.exception_handler(PermissionDenied)
    def denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return problem(403, "NOT_ALLOWED", _("您没有这项权限"))

    @api.exception_handler(HttpError)
    def http(request: HttpRequest, error: HttpError) -> HttpResponse:
        code = f"HTTP_{error.status_code}"
        if error.status_code == 400:
            return problem(400, code, _("请求无法读取，请检查后重试"), str(error))
        return problem(error.status_code, code, str(error))


class DomainErrorMiddleware:
    """A domain error that reaches a page becomes a page that says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return refused(request, error) if isinstance(error, DomainError) else None


def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A page for people; problem details where a program reads the answer."""
    _noted(request, error.code, error.status)
    if request.path.startswith(_PROGRAMS_READ) or not request.accepts("text/html"):
        return _with_delay(_as_problem(error), error)
    template = "errors/403.html" if isinstance(error, NotAllowed) else "errors/domain.html"
    words = {"message": _in_language(error), "code": error.code}
    return _with_delay(render(request, template, words, status=error.status), error)


def _for_a_program(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/open311/"))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _for_a_program(request):
        return problem(400, "BAD_REQUEST", _("请求无法读取，请检查后重试"))
    return render(request, "errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    _noted(request, "NOT_ALLOWED", 403)
    if _for_a_program(request):
        return problem(403, "NOT_ALLOWED", _("您没有这项权限"))
    return render(request, "errors/403.html", {"message": ""}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _for_a_program(request):
        return problem(404, "NOT_FOUND", _("没有找到，请核对地址"))
    return render(request, "errors/404.html", status=404)


def _is_away(error: BaseException | None) -> bool:
    """Whether the connection was lost or refused, or the database or the disk has no room at the
    moment. A statement that took too long or a deadlock are OperationalErrors as well, and coming
    again at once would not help them."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(("08", "53", "57P"))


def server_error(request: HttpRequest) -> HttpResponse:
    """500; 503 where the database is away or full for a moment, so that programs come again."""
    away = _is_away(sys.exc_info()[1])
    status = 503 if away else 500
    if _for_a_program(request):
        answer = (
            problem(
                status,
                "NOT_READY",
                _(
                    "系统正忙或正在恢复，您的内容可能没有提交成功。请稍后用同样的内容再试一次，不会重复登记"
                ),
            )
            if away
            else problem(
                status, "SERVER_ERROR", _("系统出了故障，已记录。您的内容没有提交成功，请稍后重试")
            )
        )
    else:
        # Without context processors: what is broken may be what they ask.
        context = {"asked": request.method in {"GET", "HEAD"}, "seconds": RETRY_SECONDS}
        page = render_to_string(f"errors/{status}.html", context)
        answer = HttpResponse(page, status=status)
    if away:
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    _noted(request, "CSRF", 403)
    return render(request, "errors/csrf.html", status=403)
