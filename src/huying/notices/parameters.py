"""The parameter file this county runs on."""

from datetime import datetime
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from huying.notices.rules.parameters import ParameterFile, Parameters

_DELIVERED = Path(__file__).parent / "rules" / "parameters.yaml"


@cache
def parameter_file() -> ParameterFile:
    """The county's own file where there is one, else the one delivered; read once."""
    own: Path = settings.DATA_DIR / "parameters" / "notices.yaml"
    return ParameterFile.load(own if own.exists() else _DELIVERED)


def parameters(now: datetime) -> Parameters:
    """What is in force at `now`, by the county's calendar day."""
    return parameter_file().on(timezone.localdate(now))
