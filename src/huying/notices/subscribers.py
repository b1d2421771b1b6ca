"""What other rooms' events mean here: whoever's sign-in changed is told, on each of their channels.

Connected in `NoticesConfig.ready`; runs inside the transaction that sent the event.
"""

from typing import Any, Final

from django.dispatch import receiver

from huying.directory import events as directory_events
from huying.directory.permissions import Actor
from huying.notices.actions import Glance, notify

_SAID: Final = {
    "PASSWORD_CHANGED": ("登录密码已修改", "您的登录密码刚刚修改过，其他设备上的登录已退出。"),
    "PASSWORD_SET": ("登录密码已被重设", "安全管理员给您设了新的初始密码，登录后请马上修改。"),
    "FACTOR_SET": ("两步验证已启用", "您的账号启用了两步验证，其他设备上的登录已退出。"),
    "FACTOR_RESET": ("两步验证已被重置", "安全管理员重置了您的两步验证，请尽快重新启用。"),
    "LOCKED": ("账号因连续输错密码被锁定", "有人用您的用户名连续输错密码，账号已暂时锁定。"),
}
_NOT_ME: Final = "如果不是您本人操作，请马上联系安全管理员。"


@receiver(directory_events.sign_in_changed, dispatch_uid="notices.sign_in_changed")
def sign_in_changed(event: directory_events.SignInChanged, by: Actor, **_kwargs: Any) -> None:
    title, body = _SAID[event.what]
    body += _NOT_ME
    notify(
        to=[event.account_id],
        kind="system.sign_in_changed",
        title=title,
        body=body,
        glance=Glance(title, body),
        link="/account/",
        urgency="NORMAL",
        subject=f"account:{event.account_id}",
        by=by,
    )
