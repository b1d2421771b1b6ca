"""Attached files: who may open which."""

from pathlib import Path

from django.conf import settings
from django.db.models import Q

from huying.cases.models import Attachment, Case, Report
from huying.cases.rules import receipts
from huying.directory.permissions import Actor, DomainError


class AttachmentNotFound(DomainError):
    """There is no such file, or it is not this reader's to see."""

    code = "ATTACHMENT_NOT_FOUND"
    status = 404

    def __init__(self) -> None:
        super().__init__("没有找到这个文件。", "There is no such file.")


def attachment_file(
    attachment_id: int,
    actor: Actor | None = None,
    receipt: str = "",
    thumbnail: bool = False,
) -> tuple[Path, str]:
    """The path and media type of an attachment, for staff who see the case or by receipt.

    By receipt a reporter sees their own files and those of what they were told, never those
    of another reporter. Raises AttachmentNotFound.
    """
    row = Attachment.objects.filter(pk=attachment_id).first()
    if row is None or not (
        (actor is not None and _staff(row, actor)) or (receipt and _reporter(row, receipt))
    ):
        raise AttachmentNotFound
    path = row.thumbnail if thumbnail and row.thumbnail else row.path
    return Path(settings.MEDIA_ROOT) / path, (
        "image/jpeg" if thumbnail and row.thumbnail else row.mime
    )


def file_headers(path: Path, mime: str) -> dict[str, str]:
    """The headers a stored file leaves the house with, by whichever face.

    It never changes, so the telephone may keep it for the hour. A photograph was encoded anew
    and is shown. A PDF is as somebody sent it and may hold anything: it is handed over to be
    saved, and runs nothing on this site's behalf.
    """
    inline = mime.startswith("image/")
    return {
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": f'{"inline" if inline else "attachment"}; filename="{path.name}"',
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }


def _staff(row: Attachment, actor: Actor) -> bool:
    if row.report_id is not None:
        return Report.objects.visible_to(actor).filter(pk=row.report_id).exists()
    return Case.objects.visible_to(actor).filter(pk=row.case_id).exists()


def _reporter(row: Attachment, receipt: str) -> bool:
    report = Report.objects.filter(receipt=receipts.read(receipt) or "-").first()
    if report is None:
        return False
    if row.report_id is not None:
        return row.report_id == report.pk
    return (
        Attachment.objects.filter(pk=row.pk, act__told__gt="")
        .filter(Q(case_id=report.case_id) | Q(case_id__in=[one[0] for one in report.earlier]))
        .exists()
    )
