"""What others may subscribe to. Subscribers run inside the transaction that emits."""

from dataclasses import dataclass

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class WorkingYearImported:
    """The calendar of a year came in or was corrected: provisional due dates are counted anew."""

    year: int


@dataclass(frozen=True, slots=True)
class PersonErased:
    """A person's values are gone; what other rooms keep of the person is to go as well.

    A subscriber that must not let go yet raises, and nothing is erased at all.
    """

    person_id: int


@dataclass(frozen=True, slots=True)
class LookAsked:
    """Somebody asks to see the data of a person, for a matter ("case:17")."""

    person_id: int
    matter: str


@dataclass(frozen=True, slots=True)
class StaffLeft:
    """An account was switched off, or a post of it ended: what it holds there finds new hands."""

    account_id: int


@dataclass(frozen=True, slots=True)
class SignInChanged:
    """How an account signs in changed, or somebody tried too often: its holder is to know.

    `what` is PASSWORD_CHANGED, PASSWORD_SET, FACTOR_SET, FACTOR_RESET or LOCKED.
    """

    account_id: int
    what: str


@dataclass(frozen=True, slots=True)
class Held:
    """So many things of one kind that somebody holds, said before they are handed over."""

    label: str
    count: int


# Each is sent with `event=` one of the above, those about people also with `by=`, who does it.
working_year_imported = Signal()
person_erased = Signal()
staff_left = Signal()
sign_in_changed = Signal()
# Asked before: each subscriber answers with the `Held` of its room.
staff_leaving = Signal()
# Asked before: the room that knows the matter answers whether the person is party to it and `by`
# may see that. Where no room says yes, nobody looks.
look_asked = Signal()
