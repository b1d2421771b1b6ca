"""Every page of the site, and who may open it. One list for screenshots, axe and access tests.

A place in braces is filled from a running site: {case}, {report}, {receipt}, {record},
{device}, {rule}, {notice}.
"""

from dataclasses import dataclass

STAFF = (
    "dispatcher",
    "officer",
    "unit_head",
    "intake_clerk",
    "grid_worker",
    "leader",
    "auditor",
    "system_admin",
    "security_admin",
)
EVERYBODY = ("", *STAFF)
_CASES = ("dispatcher", "officer", "unit_head", "intake_clerk", "leader", "auditor")
_SENSING = (
    "dispatcher",
    "officer",
    "unit_head",
    "grid_worker",
    "leader",
    "auditor",
    "system_admin",
)
_RECORDERS = ("grid_worker", "dispatcher", "intake_clerk")
_INDICATORS = ("dispatcher", "unit_head", "leader", "auditor")


@dataclass(frozen=True)
class Address:
    """A page: where, who may open it, and as whom its picture is taken."""

    name: str
    path: str
    may: tuple[str, ...]
    shown_to: str


ADDRESSES = (
    Address("home", "/", EVERYBODY, ""),
    Address("services", "/services/", EVERYBODY, ""),
    Address("report", "/report/", EVERYBODY, ""),
    Address("progress", "/progress/", EVERYBODY, ""),
    Address("receipt", "/r/{receipt}/", EVERYBODY, ""),
    Address("verify", "/verify/{record}/", EVERYBODY, ""),
    Address("ledger", "/ledger/", EVERYBODY, ""),
    Address("offline", "/offline/", EVERYBODY, ""),
    Address("design", "/design/", EVERYBODY, ""),
    Address("sign-in", "/sign-in/", EVERYBODY, ""),
    Address("account", "/account/", STAFF, "officer"),
    Address("inbox", "/inbox/", STAFF, "officer"),
    Address("inbox-preferences", "/inbox/preferences/", STAFF, "grid_worker"),
    Address("work", "/work/", ("grid_worker",), "grid_worker"),
    Address("work-done", "/work/done/", ("grid_worker",), "grid_worker"),
    Address("work-report", "/work/report/", _RECORDERS, "grid_worker"),
    Address("work-case", "/work/{grid_case}/", ("grid_worker",), "grid_worker"),
    Address("desk", "/desk/", _CASES, "dispatcher"),
    Address("desk-case", "/desk/{case}/", _CASES, "dispatcher"),
    Address("desk-intake", "/desk/intake/", _RECORDERS, "intake_clerk"),
    Address("desk-map", "/desk/map/", _CASES, "dispatcher"),
    Address("desk-print", "/desk/{case}/print/", _CASES, "dispatcher"),
    Address("audit", "/audit/", ("auditor",), "auditor"),
    Address("audit-access", "/audit/access/", ("auditor",), "auditor"),
    Address("audit-ledger", "/audit/ledger/", ("auditor",), "auditor"),
    Address("audit-case", "/audit/cases/{case}/", ("auditor",), "auditor"),
    Address("morning", "/leader/", _INDICATORS, "leader"),
    Address("command", "/command/", _INDICATORS, "leader"),
    Address("sensing", "/sensing/", _SENSING, "dispatcher"),
    Address("sensing-alerts", "/sensing/alerts/", _SENSING, "dispatcher"),
    Address("sensing-device", "/sensing/devices/{device}/", _SENSING, "dispatcher"),
    Address(
        "sensing-device-edit",
        "/sensing/devices/{device}/edit/",
        ("system_admin",),
        "system_admin",
    ),
    Address("sensing-properties", "/sensing/properties/", _SENSING, "system_admin"),
    Address("sensing-rules", "/sensing/rules/", _SENSING, "system_admin"),
    Address("sensing-rule", "/sensing/rules/{rule}/", _SENSING, "system_admin"),
    Address("quarantine", "/sensing/quarantine/", ("system_admin",), "system_admin"),
    Address("dead-letters", "/notices/dead-letters/", ("system_admin",), "system_admin"),
    Address("health", "/health/", ("system_admin", "security_admin"), "system_admin"),
    Address("admin", "/admin/", ("system_admin", "security_admin"), "system_admin"),
)
