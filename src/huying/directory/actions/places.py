"""Divisions, grids and organisations: imported as a whole, or one by one, all or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import shapely
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from huying.directory.actions.freshness import raise_edition
from huying.directory.models import Division, Grid, Organisation
from huying.directory.permissions import Actor, DomainError, Permission
from huying.directory.queries.editions import PLACES
from huying.directory.rules.geometry import boundary, polygon
from huying.directory.rules.imports import NewDivision, NewGrid, NewOrganisation
from huying.ledger.actions import record
from huying.standards.divisions import DivisionCode, Level, parse_division, parse_grid
from huying.standards.errors import InvalidInput

# Neighbours drawn by hand overlap a little; more than this share is worth a warning.
OVERLAP_WARNED = 0.01
_MOST_NAMED = 20
_KINDS = {
    Level.COUNTY: Division.Kind.COUNTY,
    Level.TOWNSHIP: Division.Kind.TOWNSHIP,
    Level.VILLAGE: Division.Kind.VILLAGE,
}

Given = TypeVar("Given")
Row = TypeVar("Row")


class ImportRefused(DomainError):
    """Rows that cannot be used; every one is named, and nothing was imported."""

    code = "IMPORT_REFUSED"
    status = 422


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many rows came in, and what a person should look at."""

    count: int
    warnings: tuple[str, ...] = ()


def import_divisions(*, divisions: Sequence[NewDivision], by: Actor) -> ImportResult:
    """Add or correct divisions by code. Parents come along or are there already.

    Raises `ImportRefused`.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    rows = _each(divisions, _division)
    rows.sort(key=lambda row: (DivisionCode(row.code).level, row.code))
    known = set(Division.objects.values_list("code", flat=True)) | {row.code for row in rows}
    orphans = [row.code for row in rows if row.parent_id and row.parent_id not in known]
    if orphans:
        raise ImportRefused(
            f"缺少上级区划：{_listed(orphans)}。请先导入上级，或放在同一文件里。",
            f"The parent is missing of: {_listed(orphans)}.",
        )
    with transaction.atomic():
        for level in (Level.COUNTY, Level.TOWNSHIP, Level.VILLAGE):
            Division.objects.bulk_create(
                [row for row in rows if row.kind == _KINDS[level]],
                batch_size=1_000,
                update_conflicts=True,
                unique_fields=["code"],
                update_fields=["name", "boundary", "center_lon", "center_lat"],
            )
        _finish("division.imported", len(rows), by)
    return ImportResult(len(rows))


def _division(given: NewDivision) -> Division:
    code = parse_division(given.code)
    if code.level not in _KINDS:
        raise InvalidInput(
            f"{code} 不是县、乡镇或村的代码。", f"{code} is not a county, township or village."
        )
    name = _named(given.name, 60)
    drawn = boundary(given.boundary) if given.boundary is not None else None
    parent = code.parent if code.level is not Level.COUNTY else None
    return Division(
        code=code.code,
        name=name,
        kind=_KINDS[code.level],
        parent_id=parent.code if parent else None,
        boundary=drawn.geojson if drawn else None,
        center_lon=drawn.center_lon if drawn else given.center_lon,
        center_lat=drawn.center_lat if drawn else given.center_lat,
    )


def import_grids(*, grids: Sequence[NewGrid], by: Actor) -> ImportResult:
    """Add or correct grids by code; their villages must be there.

    Warns of grids that overlap others by more than a hundredth. Raises `ImportRefused`.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    rows = _each(grids, _grid)
    villages = set(Division.objects.filter(kind="VILLAGE").values_list("code", flat=True))
    homeless = [row.code for row in rows if row.division_id not in villages]
    if homeless:
        raise ImportRefused(
            f"找不到所属的村（社区）：{_listed(homeless)}。请先导入区划。",
            f"The village is missing of: {_listed(homeless)}.",
        )
    with transaction.atomic():
        Grid.objects.bulk_create(
            rows,
            batch_size=500,
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=[
                "name",
                "kind",
                "boundary",
                "min_lon",
                "min_lat",
                "max_lon",
                "max_lat",
                "center_lon",
                "center_lat",
            ],
        )
        _finish("grid.imported", len(rows), by)
        warnings = _overlaps({row.code for row in rows})
    return ImportResult(len(rows), warnings)


def _grid(given: NewGrid) -> Grid:
    code = parse_grid(given.code)
    drawn = boundary(given.boundary)
    kind = given.kind or "GENERAL"
    if kind not in Grid.Kind.values:
        raise InvalidInput(
            f"网格类别 {kind!r} 应为 GENERAL（网格）或 SPECIAL（专属网格）。",
            f"The kind {kind!r} is neither GENERAL nor SPECIAL.",
        )
    return Grid(
        code=code.code,
        name=_named(given.name, 60),
        kind=kind,
        division_id=code.division.code,
        boundary=drawn.geojson,
        min_lon=drawn.min_lon,
        min_lat=drawn.min_lat,
        max_lon=drawn.max_lon,
        max_lat=drawn.max_lat,
        center_lon=drawn.center_lon,
        center_lat=drawn.center_lat,
    )


def _overlaps(changed: set[str]) -> tuple[str, ...]:
    """Sentences about changed grids that cover ground of another. 专属网格 lie inside others."""
    rows = list(
        Grid.objects.filter(kind=Grid.Kind.GENERAL)
        .order_by("code")
        .values_list("code", "name", "boundary")
    )
    shapes = [polygon(row[2]) for row in rows]
    tree = shapely.STRtree(shapes)
    mine = [place for place, row in enumerate(rows) if row[0] in changed]
    if not mine:
        return ()
    pairs = tree.query([shapes[place] for place in mine], predicate="intersects")
    found = []
    for asked, other in pairs.T.tolist():
        place = mine[asked]
        if place == other or (rows[other][0] in changed and other < place):
            continue
        smaller = min(shapes[place].area, shapes[other].area)
        share = shapes[place].intersection(shapes[other]).area / smaller
        if share > OVERLAP_WARNED:
            found.append(
                f"“{rows[place][1]}”与“{rows[other][1]}”重叠 {share:.0%}"
                f"（{rows[place][0]}、{rows[other][0]}）"
            )
    return tuple(found[:_MOST_NAMED])


def delete_grid(*, code: str, by: Actor) -> None:
    """Take a grid away that nothing refers to; others keep their history and are refused."""
    by.require(Permission.DIRECTORY_MANAGE)
    try:
        with transaction.atomic():
            Grid.objects.filter(pk=code).delete()
            _finish("grid.deleted", 1, by, grid=code)
    except (ProtectedError, IntegrityError):
        raise ImportRefused(
            "这个网格已有岗位或事项，不能删除。", "The grid is in use.", status=409
        ) from None


def import_organisations(*, organisations: Sequence[NewOrganisation], by: Actor) -> ImportResult:
    """Add or correct organisations by code; a parent is named by its code.

    Raises `ImportRefused`.
    """
    by.require(Permission.DIRECTORY_MANAGE)
    rows = _each(organisations, _organisation)
    try:
        with transaction.atomic():
            Organisation.objects.bulk_create(
                rows,
                batch_size=1_000,
                update_conflicts=True,
                unique_fields=["code"],
                update_fields=[
                    "name",
                    "short_name",
                    "kind",
                    "division",
                    "phone",
                    "address",
                    "opening_hours",
                ],
            )
            ids = dict(Organisation.objects.values_list("code", "id"))
            wanted = {one.code.strip(): one.parent_code for one in organisations}
            missing = sorted({p for p in wanted.values() if p and p not in ids})
            if missing:
                raise ImportRefused(
                    f"找不到上级单位：{_listed(missing)}。",
                    f"No organisation with the code: {_listed(missing)}.",
                )
            changed = list(Organisation.objects.filter(code__in=wanted))
            for row in changed:
                parent = wanted[row.code]
                row.parent_id = ids[parent] if parent else None
            Organisation.objects.bulk_update(changed, ["parent"], batch_size=1_000)
            _finish("organisation.imported", len(rows), by)
    except IntegrityError:
        raise ImportRefused(
            "单位所在的区划不存在，请核对。", "A division named does not exist."
        ) from None
    return ImportResult(len(rows))


def _organisation(given: NewOrganisation) -> Organisation:
    code = given.code.strip()
    if not code or len(code) > 32:
        raise InvalidInput("单位代码不能为空，不超过 32 字。", "A code of 1 to 32 characters.")
    if given.kind not in Organisation.Kind.values:
        raise InvalidInput(
            f"单位类别 {given.kind!r} 应为 {'、'.join(Organisation.Kind.values)} 之一。",
            f"The kind {given.kind!r} is not one of {', '.join(Organisation.Kind.values)}.",
        )
    name = _named(given.name, 80)
    return Organisation(
        code=code,
        name=name,
        short_name=_named(given.short_name or name[:30], 30),
        kind=given.kind,
        division_id=parse_division(given.division_code).code if given.division_code else None,
        phone=given.phone[:30],
        address=given.address[:120],
        opening_hours=given.opening_hours[:80],
    )


def _named(text: str, longest: int) -> str:
    name = text.strip()
    if not name or len(name) > longest:
        raise InvalidInput(
            f"名称不能为空，不超过 {longest} 字。", f"A name of 1 to {longest} characters."
        )
    return name


def _each(given: Sequence[Given], make: Callable[[Given], Row]) -> list[Row]:
    """Every row made, or one refusal that names all that could not be."""
    rows, zh, en = [], [], []
    seen = set()
    for number, one in enumerate(given, 1):
        code = str(getattr(one, "code", ""))
        try:
            if code in seen:
                raise InvalidInput(f"代码 {code} 重复。", f"The code {code} appears twice.")
            seen.add(code)
            rows.append(make(one))
        except InvalidInput as error:
            zh.append(f"第 {number} 条（{code}）：{error.zh}")
            en.append(f"row {number} ({code}): {error.en}")
    if zh:
        more = f"……共 {len(zh)} 条有误" if len(zh) > _MOST_NAMED else ""
        raise ImportRefused("".join(zh[:_MOST_NAMED]) + more, "; ".join(en[:_MOST_NAMED]))
    return rows


def _listed(codes: Sequence[str]) -> str:
    return "、".join(codes[:_MOST_NAMED]) + ("……" if len(codes) > _MOST_NAMED else "")


def _finish(kind: str, count: int, by: Actor, **body: str) -> None:
    raise_edition(PLACES)
    record(kind=kind, subject="directory", by=by.ref, body={"count": count, **body})
