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


# Each is sent with `event=` one of the above; person_erased also with `by=`, who erases.
working_year_imported = Signal()
person_erased = Signal()
