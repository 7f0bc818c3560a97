"""报告的读取与编制。"""

import json
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.cockpit.reports.compiling import Compiler
from yiwang.cockpit.reports.document import Document
from yiwang.cockpit.reports.models import Report, Template
from yiwang.cockpit.reports.terms import Span, State
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor, Invalid, Refused
from yiwang.kernel.crypto import sm3
from yiwang.kernel.measures.models import SealedFigure
from yiwang.kernel.measures.periods import Period, parse
from yiwang.kernel.measures.queries import Derived, rederive
from yiwang.kernel.measures.services import seal_digest
from yiwang.kernel.orgs.models import Organisation


def current_templates() -> QuerySet[Template]:
    """The newest version of each template."""
    newest = Template.objects.order_by("code", "-version").distinct("code")
    return Template.objects.filter(pk__in=newest.values("pk")).order_by("code")


def editions(code: str) -> QuerySet[Template]:
    return Template.objects.filter(code=code).order_by("-version")


def sample_period(template: Template) -> str:
    """The period a template is tried with: this month or this year."""
    today = timezone.localdate()
    return f"{today:%Y-%m}" if template.span == Span.MONTH else str(today.year)


def tried(actor: Actor, template: Template, text: str) -> Document:
    """What a template text would make now, in the actor's scope; raises Invalid naming what is wrong."""
    return compiler(actor, sample_period(template), actor.home()).compile(template.name, text)


def reports(actor: Actor) -> QuerySet[Report]:
    """Issued ones in the reader's scope; drafts only for those who may work on them."""
    mine = doors.rows(actor, "reports.report", "change").values("pk")
    found = doors.rows(actor, "reports.report").filter(~Q(state=State.DRAFT) | Q(pk__in=mine))
    return found.select_related("template", "organisation", "issued_by", "supersedes")


def report(actor: Actor, pk: int, verb: str = "view") -> Report:
    if verb != "view":
        doors.row(actor, "reports.report", pk, verb)
    found = reports(actor).filter(pk=pk).first()
    if found is None:
        raise Refused("没有找到该报告，或它不在您的数据范围内。", rule="草稿只限编制单位查看", code="absent")
    return found


def issued(actor: Actor, pk: int) -> Report:
    found = report(actor, pk)
    if found.state == State.DRAFT:
        raise Refused("草稿没有封存的数字，发布之后才能核验。", code="state")
    return found


def may(actor: Actor, found: Report, verb: str) -> bool:
    return doors.rows(actor, "reports.report", verb).filter(pk=found.pk).exists()


def correction(actor: Actor, found: Report) -> Report | None:
    """The report that corrects this one, if the reader may see it."""
    return reports(actor).filter(supersedes=found).first()


def template(actor: Actor, code: str) -> Template:
    actor.require("reports.template", "view")
    found = editions(code).first()
    if found is None:
        raise Refused(f"没有模板 {code}。", code="absent")
    return found


def words(period: Period, organisation: str) -> dict[str, str]:
    """The words a template may use. A period still running is covered up to today."""
    today = timezone.localdate()
    last = min(period.stop - timedelta(days=1), max(today, period.start))
    whole = last == period.stop - timedelta(days=1)
    first = period.start
    coverage = period.label if whole else f"{first.year}年{first.month}月{first.day}日至{last.month}月{last.day}日"
    dated = f"{today.year}年{today.month}月{today.day}日"
    return {"period": period.label, "coverage": coverage, "organisation": organisation, "date": dated}


def compiler(actor: Actor, period_code: str, organisation_id: int) -> Compiler:
    period = parse(period_code)
    return Compiler(actor, period, words(period, Organisation.objects.get(pk=organisation_id).name))


def snapshot(actor: Actor, code: str, period_code: str, organisation: str) -> Document:
    """A report compiled now and kept nowhere."""
    found, period = template(actor, code), parse(period_code)
    check_span(found, period)
    return Compiler(actor, period, words(period, organisation)).compile(f"{period.label}{found.name}", found.text)


def check_span(template: Template, period: Period) -> None:
    whole, example = {Span.MONTH: (7, "2026-03"), Span.YEAR: (4, "2026")}[Span(template.span)]
    if len(period.code) != whole:
        raise Invalid(f"“{template.name}”按{template.get_span_display()}编制，期间应写作 {example}。")


def document(actor: Actor, found: Report) -> Document:
    """A draft is compiled now in the reader's scope; an issued report is what was issued, word for word."""
    if found.state != State.DRAFT and found.body is not None:
        return Document.from_json(found.body)
    made = compiler(actor, found.period, found.organisation_id)
    return made.compile(found.title, full_text(found))


def full_text(found: Report) -> str:
    """The officer's note follows the text; marks work in it, markup beyond Markdown doesn't."""
    return found.template.text + (f"\n\n## 补充说明\n\n{found.note}" if found.note else "")


def checked(actor: Actor, found: Report) -> list[tuple[SealedFigure, Derived, bool]]:
    """Every sealed figure of an issued report derived anew, and whether the seal itself is untouched."""
    sealed = SealedFigure.objects.filter(seal=found.seal)
    return [(each, rederive(actor, each), seal_digest(each) == each.digest) for each in sealed]


def digest_of(document: Document) -> str:
    return sm3(json.dumps(document.as_json(), ensure_ascii=False, sort_keys=True).encode())


def facts(found: Report) -> dict[str, Any]:
    return {"title": found.title, "period": found.period, "template": str(found.template), "state": found.state}
