"""Units on the wire and in store (HJ 212-2017 annex B gives the defaults on the wire).

Only ratio conversions: a stored value is the sent value times a factor. Volume fractions (ppb)
are not here on purpose: they need the molar mass and the temperature of the standard in force.
"""

from typing import Final

_MASS: Final = {"ng/m³": 1e-3, "µg/m³": 1.0, "mg/m³": 1e3, "g/m³": 1e6}
_WATER: Final = {"ng/L": 1e-3, "µg/L": 1.0, "mg/L": 1e3, "g/L": 1e6}
_PRESSURE: Final = {"Pa": 1e-3, "hPa": 0.1, "kPa": 1.0, "MPa": 1e3}
_CONDUCTIVITY: Final = {"µS/cm": 1.0, "mS/cm": 1e3}
_FLOW: Final = {"L/s": 1.0, "m³/h": 1 / 3.6, "m³/s": 1e3}
_SPEED: Final = {"m/s": 1.0, "km/h": 1 / 3.6}
_LENGTH: Final = {"mm": 1.0, "cm": 10.0, "m": 1e3}
_FAMILIES: Final = (_MASS, _WATER, _PRESSURE, _CONDUCTIVITY, _FLOW, _SPEED, _LENGTH)
_SPELLINGS: Final = {
    "ng/m3": "ng/m³", "ug/m3": "µg/m³", "μg/m3": "µg/m³", "μg/m³": "µg/m³", "ug/m³": "µg/m³",
    "µg/m3": "µg/m³", "mg/m3": "mg/m³", "g/m3": "g/m³", "ug/L": "µg/L", "μg/L": "µg/L",
    "uS/cm": "µS/cm", "μS/cm": "µS/cm", "m3/h": "m³/h", "m3/s": "m³/s", "°C": "℃", "degC": "℃",
}  # fmt: skip


class UnknownUnit(ValueError):
    """No factor between the two units is known."""

    def __init__(self, sent: str, stored: str) -> None:
        super().__init__(f"no factor from {sent!r} to {stored!r}")
        self.sent = sent
        self.stored = stored


def canonical(unit: str) -> str:
    """The one spelling of a unit: "ug/m3" becomes "µg/m³"."""
    return _SPELLINGS.get(unit.strip(), unit.strip())


def factor(sent: str, stored: str) -> float:
    """By what a value in the unit `sent` is multiplied to be in `stored`; `UnknownUnit`."""
    sent, stored = canonical(sent), canonical(stored)
    if sent == stored:
        return 1.0
    for family in _FAMILIES:
        if sent in family and stored in family:
            # One division, rounded to 12 digits: 1e-3 / 1.0 and the like stay exact.
            return float(f"{family[sent] / family[stored]:.12g}")
    raise UnknownUnit(sent, stored)
