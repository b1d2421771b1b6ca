"""What may be handed in as a picture, what is kept of it, and how it is given out again."""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image

from huying.cases import actions
from huying.cases.actions import GivenFile
from huying.cases.actions.files import MOST_PIXELS
from huying.cases.models import Attachment
from tests.factories.cases import make_office, make_photo, make_report
from tests.factories.directory import account_of

pytestmark = pytest.mark.django_db


def _picture(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind)
    return out.getvalue()


def _png_of(width: int, height: int) -> bytes:
    """A few bytes that say they are a picture of this size, and inflate to it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _text_bomb() -> bytes:
    """A small picture with a compressed note of a hundred megabytes."""
    note = b"Comment\0\0" + zlib.compress(b"a" * 100_000_000, 9)
    body = struct.pack(">I", len(note)) + b"zTXt" + note
    body += struct.pack(">I", zlib.crc32(b"zTXt" + note))
    plain = _picture()
    return plain[:33] + body + plain[33:]


_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64
_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (_SVG, "NOT_A_PICTURE"),
        (_HEIC, "NOT_A_PICTURE"),
        (_EPS, "NOT_A_PICTURE"),
        (b"<html><script>alert(1)</script>", "NOT_A_PICTURE"),
        (b"%PDF-1.7 not for a photograph", "NOT_A_PICTURE"),
        (_picture()[:-40], "NOT_A_PICTURE"),
        (_picture("JPEG")[:200], "NOT_A_PICTURE"),
        (_png_of(60_000, 60_000), "TOO_MANY_PIXELS"),
        (_png_of(MOST_PIXELS // 1_000 + 1, 1_000), "TOO_MANY_PIXELS"),
        (b"\xff\xd8\xff" + b"\0" * (12 * 2**20), "FILE_TOO_LARGE"),
        (b"", "FILE_EMPTY"),
        (_text_bomb(), "NOT_A_PICTURE"),
    ],
    ids=["svg", "heic", "eps", "html", "pdf", "cut-png", "cut-jpeg", "bomb", "just-too-large",
         "heavy", "empty", "text-bomb"],
)  # fmt: skip
def test_what_is_no_picture_is_refused_by_its_content(content: bytes, code: str) -> None:
    make_office()
    with pytest.raises(actions.BadUpload) as refused:
        make_report(photos=[GivenFile("现场.jpg", content)])
    assert refused.value.code == code
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_picture_with_something_behind_it_leaves_it_behind(kind: str) -> None:
    """A file that is a picture and an archive, or a picture and a page, is a picture after."""
    make_office()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("run.class", b"payload payload")
    hidden = b"<script>alert(1)</script>" + archive.getvalue()
    make_report(photos=[GivenFile("现场.jpg", _picture(kind) + hidden)])
    row = Attachment.objects.get()
    assert row.mime == "image/jpeg"
    for path in (row.path, row.thumbnail):
        kept = (Path(settings.MEDIA_ROOT) / path).read_bytes()
        assert kept.startswith(b"\xff\xd8\xff")
        assert kept.endswith(b"\xff\xd9")
        assert b"script" not in kept
        assert b"PK\x03\x04" not in kept


def test_where_and_with_what_it_was_taken_is_gone() -> None:
    make_office()
    make_report(photos=[make_photo(exif=True)])
    row = Attachment.objects.get()
    for path in (row.path, row.thumbnail):
        kept = (Path(settings.MEDIA_ROOT) / path).read_bytes()
        assert not Image.open(io.BytesIO(kept)).getexif()
        assert b"SecretCamera" not in kept
        assert b"Exif" not in kept


def test_a_name_is_never_a_path() -> None:
    make_office()
    make_report(photos=[GivenFile("../../../etc/passwd.php", _picture())])
    row = Attachment.objects.get()
    assert "passwd" not in row.path
    assert (Path(settings.MEDIA_ROOT) / row.path).is_file()


def test_every_door_gives_files_out_that_can_do_nothing(client: Client) -> None:
    office = make_office()
    received = make_report(photos=[make_photo()])
    paper = b"%PDF-1.7\n<script>alert(1)</script>\n%%EOF"
    actions.add_attachment(
        case_id=received.case_id, file=GivenFile("信.html", paper), by=office.officer
    )
    photo = Attachment.objects.get(mime="image/jpeg")
    scan = Attachment.objects.get(mime="application/pdf")
    client.force_login(account_of(office.officer))
    case, code = received.case_id, received.receipt
    doors = [
        (f"/desk/{case}/files/{photo.pk}/", "inline"),
        (f"/r/{code}/files/{photo.pk}/", "inline"),
        (f"/api/v1/attachments/{photo.pk}", "inline"),
        (f"/desk/{case}/files/{scan.pk}/", "attachment"),
        (f"/api/v1/attachments/{scan.pk}", "attachment"),
    ]
    for path, how in doors:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith(how), path
        policy = answer.headers["Content-Security-Policy"]
        assert "sandbox" in policy
        assert "default-src 'none'" in policy
        assert answer.headers["Cache-Control"].startswith("private")
        assert answer.headers["Content-Type"] in {"image/jpeg", "application/pdf"}
