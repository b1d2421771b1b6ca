"""Tables of messages as people keep them."""

import datetime as dt
import gzip
from pathlib import Path

import httpx
import pytest

from huying.simulation import messages


def _table(path: Path, text: str, encoding: str = "utf-8", *, packed: bool = False) -> Path:
    raw = text.encode(encoding)
    path.write_bytes(gzip.compress(raw) if packed else raw)
    return path


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("utf-8", False), ("utf-8-sig", True), ("gbk", False), ("gb18030", True)],
)
def test_reads_each_encoding_plain_or_gzipped(tmp_path: Path, encoding: str, packed: bool) -> None:
    file = _table(
        tmp_path / "m.csv", "text,label\n路灯不亮,城乡\n垃圾没人清,环保\n", encoding, packed=packed
    )
    assert [one.text for one in messages.messages(file)] == ["路灯不亮", "垃圾没人清"]


def test_joins_subject_and_details_and_reads_the_time(tmp_path: Path) -> None:
    file = _table(
        tmp_path / "m.csv",
        "留言编号,留言主题,留言时间,留言详情\n"
        '1,路灯坏了,2014/5/17 12:41:32,"\n\t\t　　育才路的灯\n不亮"\n',
    )
    (one,) = messages.messages(file)
    assert one.text == "路灯坏了\n育才路的灯\n不亮"
    assert one.at == dt.datetime(2014, 5, 17, 4, 41, 32, tzinfo=dt.UTC)


def test_empty_rows_are_left_out_and_short_ones_survive(tmp_path: Path) -> None:
    file = _table(tmp_path / "m.csv", "title,content,place\n,,\n井盖没了,\n路不平,坑很多,建设街\n")
    assert [(one.text, one.place) for one in messages.messages(file)] == [
        ("井盖没了", ""),
        ("路不平\n坑很多", "建设街"),
    ]


def test_refuses_what_is_no_table_of_messages(tmp_path: Path) -> None:
    with pytest.raises(messages.NotATable) as caught:
        list(messages.messages(_table(tmp_path / "m.csv", "a,b\n1,2\n")))
    assert "第一行应为列名" in caught.value.zh


def test_the_same_words_have_the_same_key() -> None:
    one, same = messages.Message("路灯不亮"), messages.Message("路灯不亮")
    assert one.key == same.key != messages.Message("路灯亮了").key
    assert one.key.isascii()
    assert len(one.key) <= 80


def test_counts_what_became_of_each_and_waits_when_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _table(tmp_path / "m.csv", "text\n一件事\n一件事\n太长的事\n第四件\n")
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    seen: dict[str, int] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        key = request.headers["Idempotency-Key"]
        seen[key] = seen.get(key, 0) + 1
        if "太长" in request.content.decode():
            return httpx.Response(422, json={"code": "NEEDS_FIELD"})
        if "第四" in request.content.decode() and seen[key] == 1:
            return httpx.Response(429, headers={"Retry-After": "7"})
        return httpx.Response(
            201 if seen[key] == 1 or "第四" in request.content.decode() else 200,
            json={"receipt": "R"},
        )

    client = httpx.Client(transport=httpx.MockTransport(answer))
    result = messages.replay(file, url="http://site", limit=0, client=client)
    result.pop("seconds")
    assert result == {
        "read": 4,
        "accepted": 2,
        "duplicates": 1,
        "refused": 1,
        "reasons": {"NEEDS_FIELD": 1},
    }
    assert waited == [7.0]
