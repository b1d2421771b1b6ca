"""The parameter file this county runs on."""

from datetime import datetime
from pathlib import Path

import yaml
from django.conf import settings
from django.utils import timezone
from pydantic import ValidationError

from huying.directory.permissions import DomainError
from huying.sensing.rules.parameters import ParameterFile, Retention

_DELIVERED = Path(__file__).parent / "rules" / "parameters.yaml"


class ParametersRefused(DomainError):
    """The county's own file does not hold together; nothing is dropped by it."""

    code = "PARAMETERS_REFUSED"
    status = 422

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"参数文件 {path} 有误，请改正后重试：{problem}",
            f"The parameter file {path} is wrong; mend it and try again: {problem}",
        )


def retention(now: datetime) -> Retention:
    """What is in force at `now`, by the county's calendar day; read anew each time, once a night.

    Raises `ParametersRefused`.
    """
    own: Path = settings.DATA_DIR / "parameters" / "sensing.yaml"
    path = own if own.exists() else _DELIVERED
    try:
        return ParameterFile.load(path).on(timezone.localdate(now))
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, item['loc'])) or 'versions'}: {item['msg']}"
            for item in error.errors()
        )
        raise ParametersRefused(path, "; ".join(problems)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParametersRefused(path, str(error)) from None
