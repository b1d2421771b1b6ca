"""Master data in Django's admin, in our own look; every save is an action of the room.

What a person finds here follows from their posts (`Account.has_perm`): the system administrator
the places, units, roster and calendar, the security administrator accounts, posts and tokens.
"""

from huying.directory.admin import accounts, parameters, places, site

__all__ = ["accounts", "parameters", "places", "site"]
