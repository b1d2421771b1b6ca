"""Every page of the site, and who may open it. One list for screenshots, axe and access tests.

A place in braces is filled from a running site (site_facts.py).
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
_SYSTEM = ("system_admin",)
_SECURITY = ("security_admin",)


@dataclass(frozen=True)
class Address:
    """A page: where, who may open it, and as whom its picture is taken."""

    name: str
    path: str
    may: tuple[str, ...]
    shown_to: str


def _master_data(
    model: str,
    may: tuple[str, ...],
    *forms: str,
    read_by: tuple[str, ...] = (),
    room: str = "directory",
) -> tuple[Address, ...]:
    """The list of a kind of master data, and its forms: add, import, change (of one entry).

    `read_by` see the list and its entries, too, and change nothing."""
    base = f"/admin/{room}/{model}/"
    found = [Address(f"admin-{model}", base, (*may, *read_by), may[0])]
    for form in forms:
        if form == "change":
            path = f"{base}{{{model}}}/change/"
            found.append(Address(f"admin-{model}-change", path, (*may, *read_by), may[0]))
        else:
            found.append(Address(f"admin-{model}-{form}", f"{base}{form}/", may, may[0]))
    return tuple(found)


ADDRESSES = (
    Address("home", "/", EVERYBODY, ""),
    Address("services", "/services/", EVERYBODY, ""),
    Address("report", "/report/", EVERYBODY, ""),
    Address("progress", "/progress/", EVERYBODY, ""),
    Address("receipt", "/r/{receipt}/", EVERYBODY, ""),
    Address("withdraw", "/r/{open_receipt}/withdraw/", EVERYBODY, ""),
    Address("verify", "/verify/{record}/", EVERYBODY, ""),
    Address("ledger", "/ledger/", EVERYBODY, ""),
    Address("offline", "/offline/", EVERYBODY, ""),
    Address("design", "/design/", EVERYBODY, ""),
    Address("sign-in", "/sign-in/", EVERYBODY, ""),
    Address("account", "/account/", STAFF, "officer"),
    Address("account-confirm", "/account/confirm/", STAFF, "officer"),
    Address("account-password", "/account/password/", STAFF, "officer"),
    Address("account-second-factor", "/account/second-factor/", STAFF, "officer"),
    Address("inbox", "/inbox/", STAFF, "officer"),
    Address("inbox-preferences", "/inbox/preferences/", STAFF, "grid_worker"),
    Address("work", "/work/", ("grid_worker",), "grid_worker"),
    Address("work-done", "/work/done/", ("grid_worker",), "grid_worker"),
    Address("work-report", "/work/report/", _RECORDERS, "grid_worker"),
    Address("work-case", "/work/{grid_case}/", ("grid_worker",), "grid_worker"),
    Address("desk", "/desk/", _CASES, "dispatcher"),
    Address("desk-case", "/desk/{case}/", _CASES, "dispatcher"),
    Address("desk-open", "/desk/open/{procedure}/", ("dispatcher",), "dispatcher"),
    Address("desk-intake", "/desk/intake/", _RECORDERS, "intake_clerk"),
    Address("desk-intake-receipt", "/desk/intake/{taken_down}/", _RECORDERS, "intake_clerk"),
    Address("desk-map", "/desk/map/", _CASES, "dispatcher"),
    Address("desk-print", "/desk/{case}/print/", _CASES, "dispatcher"),
    Address("desk-erasing", "/desk/erasing/", ("dispatcher",), "dispatcher"),
    Address("desk-erasing-person", "/desk/erasing/{person}/", ("dispatcher",), "dispatcher"),
    Address("audit", "/audit/", ("auditor",), "auditor"),
    Address("audit-access", "/audit/access/", ("auditor",), "auditor"),
    Address("audit-exports", "/audit/exports/", ("auditor",), "auditor"),
    Address("audit-ledger", "/audit/ledger/", ("auditor",), "auditor"),
    Address("audit-case", "/audit/cases/{case}/", ("auditor",), "auditor"),
    Address("morning", "/leader/", _INDICATORS, "leader"),
    Address("command", "/command/", _INDICATORS, "leader"),
    Address("sensing", "/sensing/", _SENSING, "dispatcher"),
    Address("sensing-alerts", "/sensing/alerts/", _SENSING, "dispatcher"),
    Address("sensing-device-new", "/sensing/devices/new/", _SYSTEM, "system_admin"),
    Address("sensing-device", "/sensing/devices/{device}/", _SENSING, "dispatcher"),
    Address("sensing-device-edit", "/sensing/devices/{device}/edit/", _SYSTEM, "system_admin"),
    Address("sensing-properties", "/sensing/properties/", _SENSING, "system_admin"),
    Address("sensing-property", "/sensing/properties/{property}/", _SYSTEM, "system_admin"),
    Address("sensing-rules", "/sensing/rules/", _SENSING, "system_admin"),
    Address("sensing-rule-new", "/sensing/rules/new/", _SYSTEM, "system_admin"),
    Address("sensing-rule", "/sensing/rules/{rule}/", _SENSING, "system_admin"),
    Address("quarantine", "/sensing/quarantine/", _SYSTEM, "system_admin"),
    Address("dead-letters", "/notices/dead-letters/", _SYSTEM, "system_admin"),
    Address("notice-addresses", "/notices/addresses/", _SYSTEM, "system_admin"),
    Address("health", "/health/", (*_SYSTEM, *_SECURITY), "system_admin"),
    Address("admin", "/admin/", (*_SYSTEM, *_SECURITY), "system_admin"),
    *_master_data("division", _SYSTEM, "add", "change", "import", read_by=_SECURITY),
    *_master_data("grid", _SYSTEM, "add", "change", "import", read_by=_SECURITY),
    *_master_data("organisation", _SYSTEM, "add", "change", "import", read_by=_SECURITY),
    *_master_data("dutyshift", _SYSTEM, "add", "change"),
    *_master_data("workingyear", _SYSTEM, "add"),
    *_master_data("account", _SECURITY, "add", "change"),
    *_master_data("post", _SECURITY, "add", "change"),
    *_master_data("apitoken", _SECURITY, "add"),
    *_master_data("responsibilityrule", _SYSTEM, "add", "change", "import", room="cases"),
)
