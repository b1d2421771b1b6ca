"""How a personal value looks to somebody who has no purpose in seeing it whole."""

import re
from typing import Final

# The two-character surnames still in use that a single asterisk would otherwise betray.
_COMPOUND: Final = (
    "欧阳上官司马诸葛东方皇甫尉迟公孙慕容长孙宇文司徒夏侯令狐端木百里呼延南宫"
    "西门独孤轩辕淳于申屠闻人澹台赫连拓跋完颜纳兰钟离"
)
_COMPOUND_SURNAMES: Final = frozenset(_COMPOUND[i : i + 2] for i in range(0, len(_COMPOUND), 2))
_PUBLIC_PART: Final = re.compile(r"^.*?(?:街道|镇|乡|村|社区|小区|路|街|巷)")


def masked_name(name: str) -> str:
    """王* , 王**, 欧阳**: the surname and one asterisk for each further character."""
    if not name:
        return ""
    keep = 2 if name[:2] in _COMPOUND_SURNAMES and len(name) > 2 else 1
    return name[:keep] + "*" * max(1, len(name) - keep)


def masked_phone(phone: str) -> str:
    """138****5678; of a short or foreign number only the last two digits."""
    if len(phone) == 11 and phone.isdigit():
        return f"{phone[:3]}****{phone[-4:]}"
    return "*" * max(0, len(phone) - 2) + phone[-2:] if len(phone) > 4 else "*" * len(phone)


def masked_id_number(number: str) -> str:
    """110105********002X: region and last four; anything else shows its last two."""
    if len(number) == 18:
        return f"{number[:6]}********{number[-4:]}"
    return "*" * max(0, len(number) - 2) + number[-2:] if len(number) > 4 else "*" * len(number)


def masked_address(address: str) -> str:
    """The public part (up to the road or village), then asterisks."""
    if not address:
        return ""
    found = _PUBLIC_PART.match(address)
    return (found[0] if found else "") + "****"


MASKS: Final = {
    "name": masked_name,
    "phone": masked_phone,
    "id_number": masked_id_number,
    "address": masked_address,
}
