"""The only way a file leaves: as an attachment, after its owner's reader check, recorded."""

from django.http import FileResponse, HttpRequest

from yiwang.kernel.access.actors import ANONYMOUS, Refused
from yiwang.kernel.files import doors, queries
from yiwang.kernel.ledger.services import record

POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def download(request: HttpRequest, file_id: int) -> FileResponse:
    actor = getattr(request, "actor", ANONYMOUS)
    file = doors.readable_file(actor, file_id)
    try:
        content = queries.content(file)
    except FileNotFoundError as error:
        raise Refused("附件内容缺失，无法下载。请联系系统管理员从备份恢复。", code="storage") from error
    record(actor, "files.download", ("files.file", file.pk), after={"digest": file.digest})
    response = FileResponse(content, as_attachment=True, filename=file.name, content_type=file.media_type)
    response["Content-Length"] = str(file.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = POLICY
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
