"""Names of people who do not exist: surname and given name drawn apart, by sex and generation."""

import numpy as np
import numpy.typing as npt

from huying.simulation.fiction.words import words

_SHARES = words("surname_shares")
SURNAMES = _SHARES[::2]
_SURNAME_SHARES = np.array(_SHARES[1::2], dtype=float)
_SURNAME_SHARES /= _SURNAME_SHARES.sum()
# By sex and generation: born before 1970, 1970 to 1994, 1995 and later.
_GIVEN = {
    (sex, generation): words(f"{sex.lower()}_{generation}")
    for sex in ("MALE", "FEMALE")
    for generation in range(3)
}

Strings = npt.NDArray[np.str_]


def surnames(rng: np.random.Generator, count: int) -> Strings:
    """`count` surnames, common ones more often."""
    return np.array(SURNAMES)[rng.choice(len(SURNAMES), count, p=_SURNAME_SHARES)]


def given_names(
    rng: np.random.Generator, female: npt.NDArray[np.bool_], birth_year: npt.NDArray[np.int64]
) -> Strings:
    """Given names that fit the sex and the year of birth."""
    generation = np.digitize(birth_year, (1970, 1995))
    result = np.empty(len(female), dtype="U3")
    for (sex, number), names in _GIVEN.items():
        mask = (female == (sex == "FEMALE")) & (generation == number)
        result[mask] = rng.choice(np.array(names), int(mask.sum()))
    return result
