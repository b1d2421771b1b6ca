"""Photographs and scans: checked, stripped of location, kept by their digest.

A photograph is decoded and encoded again, so that what is stored is a picture and nothing
else: no place, no time, no camera, no hidden payload.
"""

import hashlib
import io
import os
import re
import secrets
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from PIL import Image, ImageOps, UnidentifiedImageError

from huying.cases.actions.results import Upload
from huying.cases.models import Attachment
from huying.cases.rules.vocabulary import AttachmentKind
from huying.directory.permissions import Actor, DomainError, Permission

LARGEST_FILE: Final = 12 * 2**20
MOST_PIXELS: Final = 40_000_000
MOST_PHOTOS: Final = 9
LONGEST_SIDE: Final = 2560
THUMBNAIL_SIDE: Final = 320
ORPHAN_AGE: Final = timedelta(days=1)
"""No act takes so long: a file this old that nothing refers to is nobody's."""
FILES: Final = Actor.system("files")
# What `_kept` makes and `_write` may leave half written.
_OUR_NAME: Final = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/\1\2[0-9a-f]{60}\.[0-9a-z.]+")
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")


class BadUpload(DomainError):
    """A file cannot be taken; says which and what to do. Nothing else of the form is lost."""

    code = "BAD_UPLOAD"
    status = 422


@dataclass(frozen=True, slots=True)
class Stored:
    """A file on the disk. Paths are relative to MEDIA_ROOT."""

    kind: str
    sha256: str
    path: str
    thumbnail: str
    mime: str
    size: int
    width: int | None
    height: int | None


def store_photos(files: Sequence[Upload]) -> list[Stored]:
    """Check and keep photographs; `BadUpload` names the first that cannot be taken."""
    if len(files) > MOST_PHOTOS:
        raise BadUpload(
            f"照片最多 {MOST_PHOTOS} 张，请去掉几张再提交。",
            f"At most {MOST_PHOTOS} photographs; remove some and submit again.",
            code="TOO_MANY_PHOTOS",
        )
    return _each(files, lambda file: _photo(file, AttachmentKind.PHOTO))


def store_papers(files: Sequence[Upload]) -> list[Stored]:
    """Scans of a paper: images as photographs are, PDF as it is."""
    return _each(files, _paper)


def _paper(file: Upload) -> Stored:
    content = _content(file)
    if content.startswith(b"%PDF-"):
        return _kept(AttachmentKind.SCAN, content, "pdf", "application/pdf")
    return _photo(file, AttachmentKind.SCAN, content)


def _each(files: Sequence[Upload], keep: Callable[[Upload], Stored]) -> list[Stored]:
    """All of them or none: where one cannot be taken, those before it go again."""
    found: list[Stored] = []
    try:
        for file in files:
            found.append(keep(file))
    except Exception:
        remove_files(_paths(found))
        raise
    return found


def attachment_row(
    stored: Stored,
    case_id: int,
    report_id: int | None,
    act_seq: int,
    by: Actor,
    now: datetime,
) -> dict[str, Any]:
    """An attachment as its table has it, tied to the act with this seq."""
    return {
        "case_id": case_id,
        "report_id": report_id,
        "act_seq": act_seq,
        "kind": stored.kind,
        "sha256": stored.sha256,
        "path": stored.path,
        "thumbnail": stored.thumbnail,
        "mime": stored.mime,
        "size": stored.size,
        "width": stored.width,
        "height": stored.height,
        "uploaded_by_id": by.account_id,
        "uploaded_at": now,
    }


def _content(file: Upload) -> bytes:
    content = file.read(LARGEST_FILE + 1)
    name = Path(file.name or "照片").name[:60]
    if len(content) > LARGEST_FILE:
        raise BadUpload(
            f"“{name}”超过 12 MB，请用手机的“压缩”或重拍一张再传。",
            f"{name} is larger than 12 MB; use a smaller one.",
            code="FILE_TOO_LARGE",
        )
    if not content:
        raise BadUpload(
            f"“{name}”是空的，请重新选择。",
            f"{name} is empty; choose it again.",
            code="FILE_EMPTY",
        )
    return content


def _photo(file: Upload, kind: AttachmentKind, content: bytes | None = None) -> Stored:
    content = _content(file) if content is None else content
    name = Path(file.name or "照片").name[:60]
    try:
        with warnings.catch_warnings():
            # Our own limit comes first; Pillow's warning says nothing to the person.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise Image.DecompressionBombError
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            # Turned as the camera was held, since the note that says so is thrown away.
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError:
        raise BadUpload(
            f"“{name}”的像素太多，请传 4000 万像素以内的照片。",
            f"{name} has too many pixels; send one under 40 megapixels.",
            code="TOO_MANY_PIXELS",
        ) from None
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        TypeError,
    ):
        raise BadUpload(
            f"“{name}”不是照片，或文件已损坏。请重新拍一张，或改传 JPG、PNG。",
            f"{name} is not a picture, or it is damaged. Take it again, or send JPG or PNG.",
            code="NOT_A_PICTURE",
        ) from None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    small = upright.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return _kept(
        kind,
        _encoded(upright, 85),
        "jpg",
        "image/jpeg",
        thumbnail=_encoded(small, 75),
        size=upright.size,
    )


def _encoded(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    # A picture made of the pixels alone: what came with the file stays behind.
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    bare.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
    return out.getvalue()


def _kept(
    kind: AttachmentKind,
    content: bytes,
    suffix: str,
    mime: str,
    *,
    thumbnail: bytes = b"",
    size: tuple[int, int] | None = None,
) -> Stored:
    digest = hashlib.sha256(content).hexdigest()
    # Every upload has a file of its own, so that taking one back takes nobody else's.
    own = f"{digest[:2]}/{digest[2:4]}/{digest}.{secrets.token_hex(4)}"
    path = f"{own}.{suffix}"
    _write(path, content)
    small = ""
    if thumbnail:
        small = f"{own}.small.jpg"
        try:
            _write(small, thumbnail)
        except OSError:
            remove_files([path])
            raise
    return Stored(
        kind=kind.value,
        sha256=digest,
        path=path,
        thumbnail=small,
        mime=mime,
        size=len(content),
        width=size[0] if size else None,
        height=size[1] if size else None,
    )


def _write(path: str, content: bytes) -> None:
    """Whole or not at all: written beside, then renamed."""
    target = Path(settings.MEDIA_ROOT) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.part")
    try:
        beside.write_bytes(content)
        beside.replace(target)
    except OSError:
        # On a full disk what is half written is in the way of the rest.
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def stored(files: Sequence[Stored]) -> Iterator[tuple[Stored, ...]]:
    """Around the transaction that refers to these files: where it fails, they go again.

    They are on the disk before the commit, so that nothing committed is ever without its
    picture. What a crash in between leaves behind, `sweep_files` finds.
    """
    try:
        yield tuple(files)
    except (OperationalError, InterfaceError):
        # Whether it was committed is not known while the database does not answer.
        raise
    except Exception:
        discard(files)
        raise


def discard(files: Sequence[Stored]) -> None:
    """Take back files that nothing refers to after all.

    Inside a transaction that is already lost nothing can be asked: those wait for the sweep.
    """
    if not connection.needs_rollback:
        remove_files(_unreferenced(_paths(files)))


def _paths(files: Sequence[Stored]) -> list[str]:
    return [path for one in files for path in (one.path, one.thumbnail) if path]


def remove_files(paths: Iterable[str]) -> None:
    """Remove files (paths relative to MEDIA_ROOT); those gone already are well."""
    for path in paths:
        (Path(settings.MEDIA_ROOT) / path).unlink(missing_ok=True)


def sweep_files(*, by: Actor = FILES, now: datetime | None = None) -> int:
    """Remove files to which nothing has referred for a day; returns how many.

    Left by a process that died between storing and the commit, or between a commit that
    took the last reference and the removal. What is not named as an attachment is left alone.
    """
    by.require(Permission.HEALTH_VIEW)
    before = ((now or timezone.now()) - ORPHAN_AGE).timestamp()
    root, removed = Path(settings.MEDIA_ROOT), 0
    for folder, _folders, _names in os.walk(root):
        with os.scandir(folder) as found:
            old = [
                str(Path(one.path).relative_to(root))
                for one in found
                if one.is_file() and one.stat().st_mtime < before
            ]
        orphans = _unreferenced([path for path in old if _OUR_NAME.fullmatch(path)])
        remove_files(orphans)
        removed += len(orphans)
    return removed


def _unreferenced(paths: Sequence[str]) -> list[str]:
    known = {path.split("/")[-1][:64] for path in paths}
    rows = Attachment.objects.filter(sha256__in=known).values_list("path", "thumbnail")
    kept = {path for row in rows for path in row}
    return [path for path in paths if path not in kept]
