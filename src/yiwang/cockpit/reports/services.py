"""报告的公开动词。"""

import json
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from yiwang.cockpit.reports import queries
from yiwang.cockpit.reports.models import Report, Template
from yiwang.cockpit.reports.terms import State
from yiwang.kernel.access.actors import Actor, Conflict, Invalid, Refused
from yiwang.kernel.crypto import sm3
from yiwang.kernel.ledger import services as ledger
from yiwang.kernel.measures import services as measures
from yiwang.kernel.measures.declarations import ReportSpec
from yiwang.kernel.measures.periods import parse
from yiwang.kernel.measures.queries import plain_rows

CORRECTED = "（更正）"


def _template(code: str, name: str, span: str, text: str, basis: str) -> Template:
    """The newest version if its text is the same, else a new one."""
    digest = sm3(json.dumps([name, span, text, basis], ensure_ascii=False).encode())
    latest = Template.objects.filter(code=code).order_by("-version").first()
    if latest is not None and latest.digest == digest:
        return latest
    version = latest.version + 1 if latest else 1
    return Template.objects.create(
        code=code, version=version, name=name, span=span, text=text, basis=basis, digest=digest
    )


@transaction.atomic
def publish_specs(actor: Actor, specs: Iterable[ReportSpec]) -> int:
    """Store the templates that domains declare; returns how many are new versions. An officer's later edition stays."""
    actor.require("reports.template", "change")
    before = Template.objects.count()
    for spec in specs:
        known = Template.objects.filter(code=spec.code)
        digest = sm3(json.dumps([spec.name, spec.span, spec.text, spec.basis], ensure_ascii=False).encode())
        if not known.filter(digest=digest).exists():
            _template(spec.code, spec.name, spec.span, spec.text, spec.basis)
    return Template.objects.count() - before


@transaction.atomic
def save_template(actor: Actor, code: str, text: str) -> Template:
    """A changed text becomes the next version; a text whose marks don't compile is refused."""
    actor.require("reports.template", "change")
    latest = Template.objects.filter(code=code).order_by("-version").first()
    if latest is None:
        raise Invalid(f"没有模板 {code}。")
    queries.tried(actor, latest, text)
    made = _template(code, latest.name, latest.span, text, latest.basis)
    ledger.record(
        actor, "reports.save_template", ("reports.template", made.pk), after={"code": code, "version": made.version}
    )
    return made


@transaction.atomic
def draft(actor: Actor, template: Template, period_code: str, *, title: str = "", supersedes: Report | None = None,
          reason: str = "") -> Report:  # fmt: skip
    actor.require("reports.report", "add")
    period = parse(period_code)
    queries.check_span(template, period)
    report = Report.objects.create(
        template=template, title=title.strip() or f"{period.label}{template.name}", period=period.code, supersedes=supersedes,
        reason=reason, organisation_id=actor.home(), created_by_id=actor.person_id,
    )  # fmt: skip
    ledger.record(actor, "reports.draft", ("reports.report", report.pk), after=queries.facts(report))
    return report


def _locked_draft(report_id: int) -> Report:
    locked = Report.objects.select_for_update().select_related("template").get(pk=report_id)
    if locked.state != State.DRAFT:
        raise Refused(f"《{locked.title}》已发布，内容已封存。如有错误请另出更正。", rule="发布即封存", code="frozen")
    return locked


@transaction.atomic
def write_note(actor: Actor, found: Report, note: str, *, version: int) -> Report:
    queries.report(actor, found.pk, "change")
    locked = _locked_draft(found.pk)
    if locked.version != version:
        raise Conflict("这份报告刚被他人修改过，您的修改未保存。请刷新后重试。")
    before, locked.note = locked.note, note.strip()
    queries.document(actor, locked)
    locked.version += 1
    locked.save(update_fields=["note", "version", "updated_at"])
    ledger.record(
        actor, "reports.write_note", ("reports.report", locked.pk), before={"note": before}, after={"note": locked.note}
    )
    return locked


@transaction.atomic
def issue(actor: Actor, found: Report) -> Report:
    """Compile, seal every figure with its rows, freeze the text; a correction marks what it supersedes."""
    queries.report(actor, found.pk, "issue")
    locked = _locked_draft(found.pk)
    made = queries.compiler(actor, locked.period, locked.organisation_id)
    document = made.compile(locked.title, queries.full_text(locked))
    if not made.used:
        raise Invalid("报告里没有一个指标数字，不能发布。请在模板或说明中用 figure 等标记引用指标。")
    for position, used in enumerate(made.used, start=1):
        figure = used.found
        sealed = measures.seal(
            actor, locked.seal, position, figure.measure.code, figure.period, by=used.by, filters=used.filters
        )
        if (sealed.value, sealed.numerator, sealed.rows) != (
            figure.value,
            figure.numerator,
            plain_rows(figure),
        ):
            raise Conflict("编制时数据正在变化，正文与记录没有对上，报告未发布。请再发布一次。")
    locked.body, locked.digest = document.as_json(), queries.digest_of(document)
    locked.state, locked.issued_at, locked.issued_by_id = State.ISSUED, timezone.now(), actor.person_id
    locked.version += 1
    locked.save()
    if locked.supersedes_id:
        Report.objects.filter(pk=locked.supersedes_id).update(state=State.SUPERSEDED)
    ledger.record(
        actor, "reports.issue", ("reports.report", locked.pk),
        after={**queries.facts(locked), "digest": locked.digest, "figures": len(made.used)},
    )  # fmt: skip
    return locked


@transaction.atomic
def correct(actor: Actor, found: Report, reason: str) -> Report:
    """A new draft that will supersede an issued report; the issued one stays readable as it was."""
    queries.report(actor, found.pk, "issue")
    locked = Report.objects.select_for_update().get(pk=found.pk)
    if locked.state != State.ISSUED:
        raise Refused("只有已发布且未被更正的报告可以更正。", code="state")
    if not reason.strip():
        raise Invalid("请写明更正原因。", errors={"reason": ["必填"]})
    if Report.objects.filter(supersedes=found).exists():
        raise Conflict("这份报告已有更正稿，请在更正稿上继续。")
    latest = Template.objects.filter(code=locked.template.code).latest("version")
    title = locked.title if locked.title.endswith(CORRECTED) else f"{locked.title}{CORRECTED}"
    return draft(actor, latest, locked.period, title=title, supersedes=locked, reason=reason.strip())
