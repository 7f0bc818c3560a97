"""Pages of export, import, background jobs and attachments of a register."""

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from yiwang.kernel.access.actors import Invalid, Refused
from yiwang.kernel.crypto.masks import mask, mask_text
from yiwang.kernel.files import queries as files
from yiwang.kernel.files import sheets
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.jobs.queries import own
from yiwang.kernel.registers import exporting, importing, services
from yiwang.kernel.registers.coercion import clean
from yiwang.kernel.registers.declarations import Register
from yiwang.kernel.registers.models import ImportRun
from yiwang.kernel.registers.pages import asked_of
from yiwang.kernel.ui.render import actor_of, page


def export(request: HttpRequest, register: Register) -> HttpResponseBase:
    kind = request.GET.get("format", "xlsx")
    made = exporting.export(actor_of(request), register, asked_of(request, register), kind)
    if isinstance(made, Job):
        return HttpResponseRedirect(f"{register.url}jobs/{made.pk}/")
    return _download(made, exporting.file_name(register, kind), exporting.FORMATS[kind])


def template(request: HttpRequest, register: Register) -> HttpResponseBase:
    return _download(importing.template(register), f"{register.name}导入模板.xlsx", exporting.FORMATS["xlsx"])


def _download(stream: object, name: str, media: str) -> FileResponse:
    response = FileResponse(stream, as_attachment=True, filename=name, content_type=media)
    response["Cache-Control"] = "private, no-store"
    return response


def job_page(request: HttpRequest, register: Register, pk: int) -> HttpResponse:
    """Progress of an export or import the reader started; reloads itself while it runs."""
    job = own(actor_of(request)).filter(pk=pk).select_related("result_file").first()
    if job is None:
        raise Refused("没有找到该任务，或它不是您发起的。", rule="任务属于发起人", code="absent")
    ended = job.state in (Job.State.DONE, Job.State.FAILED)
    context = {"register": register, "job": job, "ended": ended, "run_id": job.arguments.get("run_id")}
    response = page(request, "registers/job.html", context, title=job.title)
    if not ended:
        response["Refresh"] = "2"
    return response


def _sample(text: str, kind: str) -> str:
    """The head of a cell; what its field masks stays masked, and numbers of persons anywhere."""
    return mask(kind, text) if kind else mask_text(text)[:40]


def import_page(request: HttpRequest, register: Register) -> HttpResponseBase:
    problem, status = "", 200
    if request.method == "POST":
        sent = request.FILES.get("file")
        try:
            if sent is None:
                raise sheets.refuse("请先选择要导入的文件。")
            run = services.upload(actor_of(request), register, sent.name or "未命名", sent.file)  # type: ignore[arg-type]
            return HttpResponseRedirect(f"{register.url}import/{run.pk}/")
        except Invalid as error:
            problem, status = error.message, error.status
    runs = ImportRun.objects.filter(register=register.code, person_id=actor_of(request).person_id or 0).order_by("-pk")[
        :10
    ]
    context = {"register": register, "runs": runs, "problem": problem, "fields": importing.fields_of(register).values(),
               "limit": sheets.MAX_ROWS}  # fmt: skip
    return page(request, "registers/import.html", context, title=f"导入{register.name}", status=status)


def import_run(request: HttpRequest, register: Register, pk: int) -> HttpResponseBase:
    """Confirm which column is which field; afterwards the outcome."""
    actor = actor_of(request)
    run = importing.own_run(actor, register, pk)
    problem, status, table = "", 200, importing.table_of(run)
    mapping = run.mapping
    if request.method == "POST":
        mapping = {header: request.POST.get(f"column-{index}", "") for index, header in enumerate(table.headers)}
        try:
            job = services.confirm(actor, register, run, mapping)
            return HttpResponseRedirect(f"{register.url}jobs/{job.pk}/" if job else request.path)
        except Invalid as error:
            problem, status = error.message, error.status
    masks = {**register.masks, **(register.importing.masks if register.importing else {})}
    samples = [
        [_sample(clean(line[index]), masks.get(mapping.get(header, ""), "")) for line in table.rows[:3]]
        for index, header in enumerate(table.headers)
    ]
    context = {
        "register": register, "run": run, "problem": problem, "open": run.state in ("uploaded", "refused"),
        "columns": [(f"column-{index}", header, mapping.get(header, ""), sample)
                    for index, (header, sample) in enumerate(zip(table.headers, samples, strict=True)) if header],
        "fields": importing.fields_of(register).items(),
        "errors_file": files.of((importing.OWNER, run.pk)).filter(kind="errors").last(),
    }  # fmt: skip
    return page(request, "registers/import_run.html", context, title=f"导入{register.name}", status=status)


def attach(request: HttpRequest, register: Register, pk: int) -> HttpResponse:
    sent = request.FILES.get("file")
    if sent is None:
        raise Invalid("请先选择要上传的文件。", errors={"file": ["没有选择文件。"]})
    services.attach(actor_of(request), register, pk, sent.name or "未命名", sent.file)  # type: ignore[arg-type]
    return HttpResponseRedirect(f"{register.url}{pk}/#attachments")
