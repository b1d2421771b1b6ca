"""Accounts, the posts that give them roles, duty shifts, sessions and API tokens."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from huying.directory.models.places import Division, Grid, Organisation
from huying.directory.permissions import (
    ROLE_LABELS,
    ROLE_PERMISSIONS,
    SEPARATED_ADMINISTRATORS,
    Permission,
    Role,
)
from huying.directory.vault import SealedField

ROLE_CHOICES = [(role.value, ROLE_LABELS[role]) for role in Role]

# What Django's own admin asks for, per model of ours: who may change it there.
_ADMIN_PERMISSIONS = {
    "account": Permission.ACCOUNT_MANAGE,
    "apitoken": Permission.ACCOUNT_MANAGE,
    "post": Permission.ROLE_GRANT,
}


_SEEN_WHEN_GRANTING = {"view_division", "view_grid", "view_organisation"}

# The same of other rooms' models; what is not named here nobody manages there.
_ROOM_PERMISSIONS = {
    "cases": Permission.DIRECTORY_MANAGE,
    "insight": Permission.DIRECTORY_MANAGE,
    "notices": Permission.NOTICE_ADMIN,
    "sensing": Permission.SENSING_MANAGE,
}


class AccountManager(BaseUserManager["Account"]):
    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(username=(username or "").strip().lower())

    def idle_since(self, moment: datetime) -> models.QuerySet["Account"]:
        """Active ones nobody has signed in with since `moment`, nor called with a token of; not
        those that are themselves newer."""
        called = ApiToken.objects.filter(account=OuterRef("pk"), last_used_at__gte=moment)
        return self.filter(~Exists(called), is_active=True, created_at__lt=moment).filter(
            Q(last_login__isnull=True) | Q(last_login__lt=moment)
        )


class Account(AbstractBaseUser):
    """A member of staff who signs in. What they may do comes from their posts."""

    username = models.CharField(_("用户名"), max_length=60, unique=True)
    name = models.CharField(_("姓名"), max_length=40)
    is_active = models.BooleanField(_("启用"), default=True)
    failed_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    locked_until = models.DateTimeField(_("锁定至"), null=True, blank=True, editable=False)
    password_changed_at = models.DateTimeField(_("密码修改时间"), default=timezone.now)
    must_change_password = models.BooleanField(_("下次登录须改密码"), default=False)
    session_salt = models.CharField(max_length=32, blank=True, default="", editable=False)
    totp_secret = SealedField(context="account.totp_secret", null=True, blank=True, editable=False)
    totp_confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    totp_last_step = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name = _("账号")
        verbose_name_plural = _("账号")
        constraints = [
            models.CheckConstraint(
                condition=Q(username=Lower("username")), name="account_username_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_session_auth_hash(self) -> str:
        """Changes with the password and with every sign-out everywhere: old sessions end."""
        return self._auth_hash()

    def get_session_auth_fallback_hash(self) -> Any:
        yield from map(self._auth_hash, settings.SECRET_KEY_FALLBACKS)

    def _auth_hash(self, secret: str | bytes | None = None) -> str:
        return salted_hmac(
            "huying.directory.account",
            self.password + self.session_salt,
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    @property
    def has_second_factor(self) -> bool:
        return self.totp_confirmed_at is not None

    # What django.contrib.admin asks of a user. Roles decide, never flags on the account.

    def current_permissions(self) -> frozenset[Permission]:
        found = self.__dict__.get("_permissions")
        if found is None:
            roles = Post.objects.filter(account=self).current(timezone.localdate())
            found = frozenset().union(
                *(ROLE_PERMISSIONS[Role(role)] for role in roles.values_list("role", flat=True))
            )
            self.__dict__["_permissions"] = found
        return frozenset(found)

    def _may_any(self, *permissions: Permission) -> bool:
        return not self.current_permissions().isdisjoint(permissions)

    @property
    def is_staff(self) -> bool:
        return self.is_active and self._may_any(
            Permission.DIRECTORY_MANAGE,
            Permission.ACCOUNT_MANAGE,
            Permission.ROLE_GRANT,
            Permission.SENSING_MANAGE,
            Permission.NOTICE_ADMIN,
        )

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """`app.verb_model` as Django's admin writes it, answered from the posts."""
        app, _dot, codename = perm.partition(".")
        verb, _underscore, model = codename.partition("_")
        if not self.is_active:
            return False
        if verb == "view" and codename in _SEEN_WHEN_GRANTING:
            # Who grants a post for a place or a unit may look it up.
            return self._may_any(Permission.DIRECTORY_MANAGE, Permission.ROLE_GRANT)
        if app == "directory":
            needed = _ADMIN_PERMISSIONS.get(model, Permission.DIRECTORY_MANAGE)
        elif app in _ROOM_PERMISSIONS:
            needed = _ROOM_PERMISSIONS[app]
        else:
            return False
        return needed in self.current_permissions()

    def has_perms(self, perm_list: Any, obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff and (app_label == "directory" or app_label in _ROOM_PERMISSIONS)


class PostQuerySet(models.QuerySet["Post"]):
    def current(self, on: Any) -> "PostQuerySet":
        """Posts held on the date `on`: start_date ≤ on < end_date."""
        return self.filter(Q(start_date__lte=on), Q(end_date__isnull=True) | Q(end_date__gt=on))


class Post(models.Model):
    """A role held by an account, in an organisation, for a territory or a grid, for a time."""

    account = models.ForeignKey(
        Account, verbose_name=_("账号"), on_delete=models.PROTECT, related_name="posts"
    )
    organisation = models.ForeignKey(
        Organisation, verbose_name=_("单位"), on_delete=models.PROTECT, related_name="posts"
    )
    role = models.CharField(_("角色"), max_length=16, choices=ROLE_CHOICES)
    division = models.ForeignKey(
        Division,
        verbose_name=_("辖区"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="posts",
    )
    grid = models.ForeignKey(
        Grid,
        verbose_name=_("网格"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="posts",
    )
    start_date = models.DateField(_("从哪天起"))
    end_date = models.DateField(_("到哪天止（当天不算）"), null=True, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        verbose_name = _("岗位")
        verbose_name_plural = _("岗位")
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="post_role_known"
            ),
            models.CheckConstraint(
                condition=Q(end_date__isnull=True) | Q(end_date__gte=F("start_date")),
                name="post_ends_after_start",
            ),
            models.CheckConstraint(
                condition=~Q(role="GRID_WORKER") | Q(grid__isnull=False),
                name="post_grid_worker_has_grid",
            ),
            # GB/T 22239-2019: never two of the three administrators at one time.
            ExclusionConstraint(
                name="post_administrators_apart",
                expressions=[
                    (
                        Func(F("account_id"), F("account_id"), Value("[]"), function="int8range"),
                        RangeOperators.EQUAL,
                    ),
                    (
                        Func(F("start_date"), F("end_date"), function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(role__in=sorted(role.value for role in SEPARATED_ADMINISTRATORS)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} · {Role(self.role).label}"


class DutyShiftQuerySet(models.QuerySet["DutyShift"]):
    def on(self, at: datetime) -> Self:
        """The shifts of active accounts that run at this moment."""
        return self.filter(starts_at__lte=at, ends_at__gt=at, account__is_active=True)


class DutyShift(models.Model):
    """Who is on duty for an organisation, half-open [starts_at, ends_at); rank 1 first."""

    organisation = models.ForeignKey(
        Organisation, verbose_name=_("单位"), on_delete=models.CASCADE, related_name="shifts"
    )
    account = models.ForeignKey(
        Account, verbose_name=_("值班人"), on_delete=models.CASCADE, related_name="shifts"
    )
    starts_at = models.DateTimeField(_("开始"))
    ends_at = models.DateTimeField(_("结束"))
    rank = models.PositiveSmallIntegerField(_("顺序"), default=1)

    objects = DutyShiftQuerySet.as_manager()

    class Meta:
        verbose_name = _("值班")
        verbose_name_plural = _("值班表")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="shift_ends_after_start"
            ),
            models.UniqueConstraint(
                fields=["organisation", "account", "starts_at"], name="shift_once"
            ),
        ]
        indexes = [models.Index(fields=["organisation", "ends_at"], name="shift_by_end")]

    def __str__(self) -> str:
        return f"{self.organisation} {self.account}"


class FormerPassword(models.Model):
    """Digests of passwords once used, so that they are not used again."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="former_passwords")
    password = models.CharField(max_length=128)
    replaced_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.account_id}"


class SignIn(models.Model):
    """One session of an account, so that its holder can see and end it.

    Keeps no network address: a keyed digest of it tells two places apart and no more.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    client = models.CharField(max_length=80, blank=True, default="")
    address_digest = models.CharField(max_length=16, blank=True, default="")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-started_at"], name="sign_in_newest")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.client}"


class ApiToken(models.Model):
    """A program's right to call: only the digest of the token is kept."""

    account = models.ForeignKey(
        Account, verbose_name=_("责任人"), on_delete=models.PROTECT, related_name="tokens"
    )
    name = models.CharField(_("用途"), max_length=80)
    scopes = models.JSONField(_("权限范围"), default=list)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("签发时间"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("到期时间"))
    revoked_at = models.DateTimeField(_("吊销时间"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("最近使用"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("接口令牌")
        verbose_name_plural = _("接口令牌")

    def __str__(self) -> str:
        return self.name
