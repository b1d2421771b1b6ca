"""Telling caches that something changed."""

from django.db import connection, transaction

from huying.directory.queries.actors import forget_actor
from huying.directory.queries.editions import forget_edition


def raise_edition(name: str) -> None:
    """Raise the edition's number in this transaction: every process reads the data anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO directory_edition (name, number) VALUES (%s, 1) "
            "ON CONFLICT (name) DO UPDATE SET number = directory_edition.number + 1",
            [name],
        )
    forget_edition(name)


def actor_changed(account_id: int) -> None:
    """Forget the actor of this account: now, and again once the change is committed."""
    forget_actor(account_id)
    transaction.on_commit(lambda: forget_actor(account_id))
