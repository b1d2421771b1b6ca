"""/api/v1: reports for residents' applications, cases for the desks and other systems."""

from ninja import Router

from huying.cases.rest import desk, reports

router = Router()
router.add_router("", reports.router)
router.add_router("", desk.router)

__all__ = ["router"]
