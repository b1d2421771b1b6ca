"""Notices outlive what they told of; the words in them need not."""

from collections.abc import Collection

from huying.directory.permissions import Actor, Permission
from huying.notices.models import Notice


def blank_notices(*, subjects: Collection[str], title: str = "", by: Actor) -> int:
    """Empty the bodies of all notices about these subjects; `title` stands in for their titles.

    Without it titles stay. Who was told when, what became of it, and the glance, which never
    held words, stay in any case. Needs PERSON_ERASE; returns how many.
    """
    by.require(Permission.PERSON_ERASE)
    about = Notice.objects.filter(subject__in=subjects)
    return about.update(title=title, body="") if title else about.update(body="")
