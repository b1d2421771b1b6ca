"""Notices outlive what they told of; the words in them need not."""

from collections.abc import Collection

from huying.directory.permissions import Actor, Permission
from huying.notices.models import Notice


def blank_notices(*, subjects: Collection[str], title: str, by: Actor) -> int:
    """Put `title` in the place of the words of all notices about these subjects.

    Who was told when, and what became of it, stays. Needs PERSON_ERASE; returns how many.
    """
    by.require(Permission.PERSON_ERASE)
    return Notice.objects.filter(subject__in=subjects).update(title=title, body="")
