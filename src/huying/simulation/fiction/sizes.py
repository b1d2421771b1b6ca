"""How large the fictional county is, from the number of its residents."""

from dataclasses import dataclass

COUNTY_CODE = "990101000000"
COUNTY_NAME = "清和县"
AREA_CODE = "990101"


@dataclass(frozen=True, slots=True)
class Size:
    """Counts of what there is in the county."""

    residents: int
    townships: int
    villages: int
    grids: int
    stations: int

    @classmethod
    def of(cls, residents: int) -> "Size":
        """8 townships, 62 villages, 200 grids up to 60,000 residents; more beyond that.

        A village-level committee may have at most 999 grids and a county at most 20 townships
        here: a million residents live in 20 townships, 430 villages and 1,666 grids.
        """
        grids = max(200, min(residents // 600, 4000))
        return cls(
            residents=residents,
            townships=max(8, min(20, grids // 60)),
            villages=62 if grids == 200 else grids * 26 // 100,
            grids=grids,
            stations=40,
        )
