"""How a personal value looks to somebody who has no purpose in seeing it whole."""

import re
from typing import Final

from huying.standards.wording import mask_id_number, mask_name, mask_phone

_PUBLIC_PART: Final = re.compile(r"^.*?(?:街道|镇|乡|村|社区|小区|路|街|巷)")


def mask_address(address: str) -> str:
    """The public part (up to the road or village), then asterisks: 清和县城关镇****."""
    if not address:
        return ""
    found = _PUBLIC_PART.match(address)
    return (found[0] if found else "") + "****"


MASKS: Final = {
    "name": mask_name,
    "phone": mask_phone,
    "id_number": mask_id_number,
    "address": mask_address,
}
