"""What is put in place once: the dictionary of categories, the texts of the procedures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from django.conf import settings
from django.utils import timezone

from huying.cases.models import Category, ProcedureVersion
from huying.cases.queries.dictionary import forget_dictionary
from huying.cases.queries.procedures import forget_procedures, procedures
from huying.cases.rules.vocabulary import Kind
from huying.directory.permissions import DomainError

BUILT_IN: Final = Path(__file__).resolve().parents[1] / "dictionary" / "categories.yaml"


class DictionaryInvalid(DomainError):
    """A table of categories cannot be read; names the entry."""

    code = "DICTIONARY_INVALID"
    status = 422


class ProcedureChanged(DomainError):
    """A procedure file was changed and its version was not."""

    code = "PROCEDURE_CHANGED"
    status = 409


def load_categories(*, path: Path | None = None) -> int:
    """Put the categories of a file in place; returns how many there are in it.

    Without `path` the county's `categories.yaml` in the data directory, else the one shipped.
    Categories no longer in the file become inactive; none is deleted, since cases name them.
    """
    county = Path(settings.DATA_DIR) / "categories.yaml"
    source = path or (county if county.exists() else BUILT_IN)
    try:
        rows = list(_rows(yaml.safe_load(source.read_text(encoding="utf-8")), None))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise DictionaryInvalid(
            f"{source.name} 无法读取：{error}。每一条要有 code 和 name。",
            f"{source.name} cannot be read: {error}. Every entry needs a code and a name.",
        ) from None
    Category.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=[
            "name",
            "name_en",
            "keywords",
            "description",
            "description_en",
            "parent",
            "kind",
            "public_place",
            "position",
            "active",
        ],
    )
    Category.objects.exclude(code__in=[row.code for row in rows]).update(active=False)
    forget_dictionary()
    return len(rows)


def _rows(entries: list[dict[str, Any]], parent: str | None) -> Iterator[Category]:
    for position, entry in enumerate(entries):
        name = entry["name"]
        description = entry.get("description") or {}
        kind = Kind(entry.get("kind", "HELP"))
        yield Category(
            code=entry["code"],
            name=name["zh"],
            name_en=name.get("en", ""),
            description=description.get("zh", ""),
            description_en=description.get("en", ""),
            keywords=entry.get("keywords") or "",
            parent_id=parent,
            kind=kind,
            public_place=entry.get("public_place") is True,
            position=position,
        )
        yield from _rows(entry.get("children") or [], entry["code"])


def register_procedures() -> int:
    """Keep the text of every procedure in use; returns how many are new.

    Raises ProcedureInvalid for a wrong file, ProcedureChanged where a text differs from what
    is kept under the same version: cases that began under it must go on under it.
    """
    forget_procedures()
    now = timezone.now()
    found = procedures()
    kept = {
        (row.name, row.version): row.digest
        for row in ProcedureVersion.objects.filter(name__in=[one.procedure for one in found])
    }
    fresh = []
    for one in found:
        digest = kept.get((one.procedure, one.version))
        if digest is None:
            fresh.append(
                ProcedureVersion(
                    name=one.procedure,
                    version=one.version,
                    digest=one.digest,
                    source=one.text,
                    loaded_at=now,
                )
            )
        elif digest != one.digest:
            raise ProcedureChanged(
                f"流程 {one.procedure} 的内容改了，version 还是 {one.version}。"
                f"请把 version 改为 {one.version + 1}，在办的事项仍按原来的版本走完。",
                f"The procedure {one.procedure} was changed but is still version "
                f"{one.version}. Make it version {one.version + 1}: cases already begun go on "
                "under the old one.",
            )
    ProcedureVersion.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)
