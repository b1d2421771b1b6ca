"""Who may do what: the whole of it, on this page.

A role lists its permissions; a post gives an account a role for a territory, an organisation
or a grid and for a time; an `Actor` is what the posts of one account add up to today. Every
action asks `by.require(Permission.X)`, every list goes through `visible_to(by)`, and nothing
else in the house decides about access. `docs/permissions.md` is made from this page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override


class Permission(StrEnum):
    """One thing somebody may do. The text beside it is what a person reads."""

    REPORT_RECORD = "REPORT_RECORD"
    CASE_VIEW_ALL = "CASE_VIEW_ALL"
    CASE_VIEW_OWN_UNIT = "CASE_VIEW_OWN_UNIT"
    CASE_VIEW_OWN_GRID = "CASE_VIEW_OWN_GRID"
    CASE_DISPATCH = "CASE_DISPATCH"
    CASE_HANDLE = "CASE_HANDLE"
    CASE_VERIFY = "CASE_VERIFY"
    CASE_CLOSE = "CASE_CLOSE"
    CASE_CALL_BACK = "CASE_CALL_BACK"
    CASE_APPROVE = "CASE_APPROVE"
    CASE_SUPERVISE = "CASE_SUPERVISE"
    CASE_MERGE = "CASE_MERGE"
    SENSING_VIEW = "SENSING_VIEW"
    SENSING_MANAGE = "SENSING_MANAGE"
    QUARANTINE_REPLAY = "QUARANTINE_REPLAY"
    LEDGER_AUDIT = "LEDGER_AUDIT"
    PERSON_REVEAL = "PERSON_REVEAL"
    PERSON_ERASE = "PERSON_ERASE"
    INDICATOR_VIEW = "INDICATOR_VIEW"
    HEALTH_VIEW = "HEALTH_VIEW"
    DIRECTORY_MANAGE = "DIRECTORY_MANAGE"
    ACCOUNT_MANAGE = "ACCOUNT_MANAGE"
    ROLE_GRANT = "ROLE_GRANT"
    NOTICE_ADMIN = "NOTICE_ADMIN"

    @property
    def label(self) -> str:
        return str(PERMISSION_LABELS[self])


class Role(StrEnum):
    INTAKE_CLERK = "INTAKE_CLERK"
    DISPATCHER = "DISPATCHER"
    OFFICER = "OFFICER"
    UNIT_HEAD = "UNIT_HEAD"
    GRID_WORKER = "GRID_WORKER"
    LEADER = "LEADER"
    AUDITOR = "AUDITOR"
    SYSTEM_ADMIN = "SYSTEM_ADMIN"
    SECURITY_ADMIN = "SECURITY_ADMIN"

    @property
    def label(self) -> str:
        return str(ROLE_LABELS[self])


PERMISSION_LABELS: Final = {
    Permission.REPORT_RECORD: _("登记诉求"),
    Permission.CASE_VIEW_ALL: _("查看辖区内全部事项"),
    Permission.CASE_VIEW_OWN_UNIT: _("查看本单位事项"),
    Permission.CASE_VIEW_OWN_GRID: _("查看本网格事项"),
    Permission.CASE_DISPATCH: _("派单、改派"),
    Permission.CASE_HANDLE: _("签收、办理、答复"),
    Permission.CASE_VERIFY: _("到场核查"),
    Permission.CASE_CLOSE: _("办结"),
    Permission.CASE_CALL_BACK: _("回访"),
    Permission.CASE_APPROVE: _("审批延期、中止"),
    Permission.CASE_SUPERVISE: _("督办"),
    Permission.CASE_MERGE: _("并案、拆分"),
    Permission.SENSING_VIEW: _("查看监测数据和预警"),
    Permission.SENSING_MANAGE: _("管理设备和预警规则"),
    Permission.QUARANTINE_REPLAY: _("待核数据重新入库"),
    Permission.LEDGER_AUDIT: _("查看全部存证并核验"),
    Permission.PERSON_REVEAL: _("因公查看个人信息（注明用途，留痕）"),
    Permission.PERSON_ERASE: _("依法删除个人信息（写明依据，留痕）"),
    Permission.INDICATOR_VIEW: _("查看指标"),
    Permission.HEALTH_VIEW: _("查看系统运行状况"),
    Permission.DIRECTORY_MANAGE: _("管理区划、网格、单位、工作日"),
    Permission.ACCOUNT_MANAGE: _("管理账号"),
    Permission.ROLE_GRANT: _("授予、收回岗位"),
    Permission.NOTICE_ADMIN: _("管理通知渠道、处理未送达通知"),
}

ROLE_LABELS: Final = {
    Role.INTAKE_CLERK: _("受理员"),
    Role.DISPATCHER: _("调度员"),
    Role.OFFICER: _("部门经办人"),
    Role.UNIT_HEAD: _("单位负责人"),
    Role.GRID_WORKER: _("网格员"),
    Role.LEADER: _("县领导"),
    Role.AUDITOR: _("审计员"),
    Role.SYSTEM_ADMIN: _("系统管理员"),
    Role.SECURITY_ADMIN: _("安全管理员"),
}

_P = Permission
ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    # At the counter or the telephone: takes down what people say, calls them back.
    Role.INTAKE_CLERK: frozenset(
        {_P.REPORT_RECORD, _P.CASE_VIEW_ALL, _P.CASE_CALL_BACK, _P.PERSON_REVEAL}
    ),
    # At the governance centre: routes every matter, watches the clocks, closes; answers those who
    # ask for their data to be erased.
    Role.DISPATCHER: frozenset(
        {
            _P.REPORT_RECORD,
            _P.CASE_VIEW_ALL,
            _P.CASE_DISPATCH,
            _P.CASE_VERIFY,
            _P.CASE_CLOSE,
            _P.CASE_CALL_BACK,
            _P.CASE_SUPERVISE,
            _P.CASE_MERGE,
            _P.PERSON_REVEAL,
            _P.PERSON_ERASE,
            _P.SENSING_VIEW,
            _P.INDICATOR_VIEW,
        }
    ),
    # In a department or township: answers the matters of the unit.
    Role.OFFICER: frozenset(
        {_P.CASE_VIEW_OWN_UNIT, _P.CASE_HANDLE, _P.PERSON_REVEAL, _P.SENSING_VIEW}
    ),
    # Head of the unit: what an officer may, and approves.
    Role.UNIT_HEAD: frozenset(
        {
            _P.CASE_VIEW_OWN_UNIT,
            _P.CASE_HANDLE,
            _P.CASE_APPROVE,
            _P.PERSON_REVEAL,
            _P.SENSING_VIEW,
            _P.INDICATOR_VIEW,
        }
    ),
    # On the ground: reports for people, looks, verifies, helps.
    Role.GRID_WORKER: frozenset(
        {
            _P.REPORT_RECORD,
            _P.CASE_VIEW_OWN_GRID,
            _P.CASE_HANDLE,
            _P.CASE_VERIFY,
            _P.PERSON_REVEAL,
            _P.SENSING_VIEW,
        }
    ),
    # Leads the county: sees everything that is not personal, supervises, approves.
    Role.LEADER: frozenset(
        {
            _P.CASE_VIEW_ALL,
            _P.CASE_SUPERVISE,
            _P.CASE_APPROVE,
            _P.SENSING_VIEW,
            _P.INDICATOR_VIEW,
        }
    ),
    # Audit administrator: reads everything and its proof, changes nothing.
    Role.AUDITOR: frozenset(
        {_P.CASE_VIEW_ALL, _P.LEDGER_AUDIT, _P.SENSING_VIEW, _P.INDICATOR_VIEW}
    ),
    # System administrator: runs the machine and its master data; sees no cases, grants nothing.
    Role.SYSTEM_ADMIN: frozenset(
        {
            _P.HEALTH_VIEW,
            _P.DIRECTORY_MANAGE,
            _P.SENSING_VIEW,
            _P.SENSING_MANAGE,
            _P.QUARANTINE_REPLAY,
            _P.NOTICE_ADMIN,
        }
    ),
    # Security administrator: accounts and posts, nothing of the matters themselves.
    Role.SECURITY_ADMIN: frozenset({_P.ACCOUNT_MANAGE, _P.ROLE_GRANT, _P.HEALTH_VIEW}),
}

# GB/T 22239-2019, 8.1.5: system, security and audit administration are kept apart.
# No account holds two of these at one time (grant_post refuses, the database as well).
SEPARATED_ADMINISTRATORS: Final = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR})

# A part of the program acting by itself (clocks, rules, imports) is bound by its action alone.
SYSTEM_PERMISSIONS: Final = frozenset(Permission)

# Where a role starts after signing in; the first of these that an account holds wins.
ROLE_HOMES: Final[Mapping[Role, str]] = {
    Role.LEADER: "/leader/",
    Role.DISPATCHER: "/desk/",
    Role.UNIT_HEAD: "/desk/",
    Role.OFFICER: "/desk/",
    Role.INTAKE_CLERK: "/desk/",
    Role.GRID_WORKER: "/work/",
    Role.AUDITOR: "/audit/",
    Role.SYSTEM_ADMIN: "/health/",
    Role.SECURITY_ADMIN: "/admin/",
}

# Scopes of an API token, and the permissions a client acting under one has.
SCOPE_PERMISSIONS: Final[Mapping[str, frozenset[Permission]]] = {
    "reports:write": frozenset({_P.REPORT_RECORD}),
    "observations:write": frozenset(),
    "observations:read": frozenset({_P.SENSING_VIEW}),
    "cases:read": frozenset({_P.CASE_VIEW_ALL}),
    "cases:act": frozenset(
        {
            _P.CASE_VIEW_ALL,
            _P.CASE_DISPATCH,
            _P.CASE_HANDLE,
            _P.CASE_VERIFY,
            _P.CASE_CLOSE,
            _P.CASE_MERGE,
        }
    ),
}


COUNTY_LEVEL: Final = 6
"""A territory of so few digits is a whole county."""


class DomainError(Exception):
    """Something a person asked for cannot be; says why in both languages.

    `code` is a stored word for programs, `status` the HTTP status of the one translator.
    `str()` is Chinese. Subclasses sit beside the function that raises them.
    """

    code = "NOT_POSSIBLE"
    status = 400

    def __init__(self, zh: str, en: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(zh)
        self.zh = zh
        self.en = en
        if code:
            self.code = code
        if status:
            self.status = status

    def __str__(self) -> str:
        return self.zh


class NotAllowed(DomainError):
    """The actor lacks a permission, or the thing lies outside the actor's territory."""

    code = "NOT_ALLOWED"
    status = 403

    def __init__(self, permission: Permission | None = None, zh: str = "", en: str = "") -> None:
        if permission is not None and not zh:
            with override("zh-hans"):
                label = permission.label
            zh = f"您的岗位没有“{label}”的权限。如工作需要，请联系安全管理员。"
            en = (
                f"Your post does not include {permission.value}. "
                "Ask the security administrator if your work needs it."
            )
        super().__init__(zh or "您的岗位不能这样做。", en or "Your post does not allow this.")
        self.permission = permission


@dataclass(frozen=True, slots=True)
class PostScope:
    """One post of an actor; `division` is its territory's prefix, and "" stands for none."""

    role: Role
    organisation_id: int
    division: str = ""
    grid: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it. `ref` is stable and goes to the ledger; no personal data in it.

    `divisions` are territory prefixes: a code without the zeros below its level ("990101" for
    the county, "990101003" for a township), so that `code.startswith(prefix)` is membership.
    """

    kind: str
    """STAFF, RESIDENT, DEVICE, SYSTEM or CLIENT."""
    ref: str
    account_id: int | None = None
    name: str = ""
    roles: frozenset[str] = frozenset()
    permissions: frozenset[Permission] = frozenset()
    organisation_ids: frozenset[int] = frozenset()
    divisions: frozenset[str] = frozenset()
    grids: frozenset[str] = frozenset()
    posts: tuple[PostScope, ...] = ()

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def may_any(self, *permissions: Permission) -> bool:
        return not self.permissions.isdisjoint(permissions)

    def require(self, permission: Permission) -> None:
        """Raises `NotAllowed` unless the actor has the permission."""
        if permission not in self.permissions:
            raise NotAllowed(permission)

    @property
    def role_label(self) -> str:
        """The name of the role the actor's work begins with; empty without one."""
        first = next((role for role in ROLE_HOMES if role in self.roles), None)
        return first.label if first else ""

    def own_account(self) -> int:
        """The account behind the actor; raises `NotAllowed` for anybody without one."""
        if self.account_id is None:
            raise NotAllowed(zh="请先登录。", en="Sign in first.")
        return self.account_id

    def covers(self, division_code: str) -> bool:
        """Whether a division lies in the actor's territory."""
        return any(division_code.startswith(prefix) for prefix in self.divisions)

    def divisions_with(self, permission: Permission) -> frozenset[str]:
        """The territories in which this permission holds: those of the posts that bring it.

        Somebody who dispatches in one township and handles in another dispatches only in the
        first; `divisions` alone would not tell.
        """
        if not self.posts:
            return self.divisions if self.may(permission) else frozenset()
        return frozenset(
            post.division
            for post in self.posts
            if post.division and permission in ROLE_PERMISSIONS[post.role]
        )

    def reach(self, permission: Permission) -> frozenset[str] | None:
        """The territories in which this permission holds; None = everywhere in the county."""
        if not self.may(permission):
            return frozenset()
        prefixes = self.divisions_with(permission)
        if not prefixes or any(len(prefix) <= COUNTY_LEVEL for prefix in prefixes):
            return None
        return prefixes

    def organisations_with(self, permission: Permission) -> frozenset[int]:
        """The units for which this permission holds."""
        return frozenset(
            post.organisation_id for post in self.posts if permission in ROLE_PERMISSIONS[post.role]
        )

    def grids_with(self, permission: Permission) -> frozenset[str]:
        """The grids in which this permission holds."""
        return frozenset(
            post.grid
            for post in self.posts
            if post.grid and permission in ROLE_PERMISSIONS[post.role]
        )

    def only(self, permission: Permission) -> "Actor":
        """The same actor with no posts but those that bring this permission.

        Somebody's data may be seen for a matter that one and the same post lets its holder see:
        who leads the county and answers for one bureau reveals what the bureau answers, no more.
        """
        if not self.posts or self.account_id is None:
            return self
        held = (post for post in self.posts if permission in ROLE_PERMISSIONS[post.role])
        return actor_from_posts(self.account_id, self.name, held)

    @property
    def is_authenticated(self) -> bool:
        return self.kind in {"STAFF", "CLIENT"}

    @classmethod
    def system(cls, part: str) -> "Actor":
        """A part of the program acting by itself: `Actor.system("clocks")`."""
        return cls(kind="SYSTEM", ref=f"system:{part}", name="系统", permissions=SYSTEM_PERMISSIONS)

    @classmethod
    def resident(cls) -> "Actor":
        """A resident without an account; what they may do, they may do by their receipt."""
        return cls(kind="RESIDENT", ref="resident", name="群众")

    @classmethod
    def device(cls, mn: str) -> "Actor":
        return cls(kind="DEVICE", ref=f"device:{mn}", name=mn)

    @classmethod
    def client(cls, token_id: int, name: str, scopes: frozenset[str], county: str) -> "Actor":
        """A program with an API token: the permissions of its scopes, in the whole county."""
        granted = frozenset().union(
            *(SCOPE_PERMISSIONS.get(scope, frozenset()) for scope in scopes)
        )
        return cls(
            kind="CLIENT",
            ref=f"client:{token_id}",
            name=name,
            permissions=granted,
            divisions=frozenset({county} if county else ()),
        )


def actor_from_posts(account_id: int, name: str, posts: Iterable[PostScope]) -> Actor:
    """The actor that an account's current posts add up to."""
    held = tuple(posts)
    return Actor(
        kind="STAFF",
        ref=f"staff:{account_id}",
        account_id=account_id,
        name=name,
        roles=frozenset(post.role for post in held),
        permissions=frozenset[Permission]().union(*(ROLE_PERMISSIONS[p.role] for p in held)),
        organisation_ids=frozenset(post.organisation_id for post in held),
        divisions=frozenset(post.division for post in held if post.division),
        grids=frozenset(post.grid for post in held if post.grid),
        posts=held,
    )


def permissions_markdown() -> str:
    """`docs/permissions.md`: this page as tables, in Chinese."""
    with override("zh-hans"):
        roles = list(Role)
        lines = [
            "# 谁能做什么",
            "",
            "由 `src/huying/directory/permissions.py` 生成，请勿手改："
            "`huying django shell -v 0 -c 'from huying.directory.permissions import "
            'permissions_markdown as p; print(p(), end="")\' > docs/permissions.md`',
            "",
            "## 岗位与权限",
            "",
            "| 权限 | 代码 | " + " | ".join(role.label for role in roles) + " |",
            "|---|---|" + "---|" * len(roles),
        ]
        for permission in Permission:
            marks = " | ".join(
                "✓" if permission in ROLE_PERMISSIONS[role] else "" for role in roles
            )
            lines.append(f"| {permission.label} | `{permission.value}` | {marks} |")
        lines += [
            "",
            "岗位由“账号 + 角色 + 单位 + 辖区（或网格）+ 起止日期”组成；一项权限只在带来它的那个"
            "岗位的辖区、单位、网格内有效。",
            "",
            "查看个人信息（`PERSON_REVEAL`）只能看一件事项的反映人或代办人，并且看得到这件事项的，"
            "必须是带来这项权限的同一个岗位；要求保密的诉求，只有综治中心和承办单位看得到。"
            "找人只按完整的电话、证件号或姓名，结果打码。",
            "",
            "三员分立：同一账号不能同时担任"
            + "、".join(role.label for role in roles if role in SEPARATED_ADMINISTRATORS)
            + "中的两种（程序拒绝，数据库也拒绝）。任何人不能给自己授予岗位。",
            "",
            "## 角色的工作首页",
            "",
            "| 角色 | 代码 | 首页 |",
            "|---|---|---|",
            *(f"| {role.label} | `{role.value}` | `{ROLE_HOMES[role]}` |" for role in roles),
            "",
            "## 接口令牌的权限范围",
            "",
            "| 范围 | 权限 |",
            "|---|---|",
        ]
        for scope, granted in SCOPE_PERMISSIONS.items():
            named = "、".join(p.label for p in Permission if p in granted)
            lines.append(f"| `{scope}` | {named or '只写入监测数据'} |")
    return "\n".join(lines) + "\n"
