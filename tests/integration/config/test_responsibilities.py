"""The table of responsibilities comes from a file: whole, or not at all."""

from pathlib import Path

import pytest

from huying.cases.actions import TableRefused
from huying.cases.models import ResponsibilityRule
from huying.config import responsibilities
from tests.factories.cases import RESIDENT, make_office, make_report
from tests.factories.directory import SYSTEM

pytestmark = pytest.mark.django_db

HEAD = "类别,区划,主办单位,协办单位,依据\n"


def _file(tmp_path: Path, text: str, encoding: str = "utf-8-sig") -> Path:
    path = tmp_path / "责任清单.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_lines_decide_who_answers(tmp_path: Path, encoding: str) -> None:
    office = make_office()
    text = f"{HEAD}STREET_LIGHT,,住建局,生态环境局,权责清单第12项\n道路破损,990101001000,住建局,,\n"
    count = responsibilities.load(_file(tmp_path, text, encoding), by=SYSTEM)
    assert count == 2
    light = ResponsibilityRule.objects.get(category="STREET_LIGHT")
    assert light.division_prefix == ""
    assert light.source == "权责清单第12项"
    assert list(light.assisting.values_list("pk", flat=True)) == [office.other_bureau.pk]
    assert ResponsibilityRule.objects.get(category="ROAD_DAMAGE").division_prefix == "990101001"
    assert make_report(category="STREET_LIGHT", by=RESIDENT).unit_name == "住建局"


def test_every_line_that_cannot_be_used_is_named_and_none_is_taken(tmp_path: Path) -> None:
    make_office()
    before = ResponsibilityRule.objects.count()
    text = f"{HEAD}STREET_LIGHT,,住建局,,\nNO_SUCH,,住建局,,\nGARBAGE,130000,无此局,无此办,\n"
    with pytest.raises(TableRefused) as refused:
        responsibilities.load(_file(tmp_path, text), by=SYSTEM)
    assert "第 3 行找不到 NO_SUCH" in refused.value.zh
    assert "第 4 行找不到 130000、无此局、无此办" in refused.value.zh
    assert "line 3" in refused.value.en
    assert ResponsibilityRule.objects.count() == before


def test_a_file_without_its_first_line_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(TableRefused, match="首行缺少"):
        responsibilities.load(_file(tmp_path, "STREET_LIGHT,,住建局\n"), by=SYSTEM)
