"""报告的读取与编制。"""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from yiwang.cockpit.reports.compiling import Compiler
from yiwang.cockpit.reports.document import Document
from yiwang.cockpit.reports.models import Report, Template
from yiwang.cockpit.reports.terms import State
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import Actor
from yiwang.kernel.measures.models import SealedFigure
from yiwang.kernel.measures.periods import parse
from yiwang.kernel.measures.queries import Derived, rederive
from yiwang.kernel.orgs.models import Organisation


def templates() -> QuerySet[Template]:
    """The newest version of each template."""
    return Template.objects.order_by("code", "-version").distinct("code")


def reports(actor: Actor) -> QuerySet[Report]:
    return doors.rows(actor, "reports.report").select_related("template", "organisation", "issued_by")


def report(actor: Actor, pk: int, verb: str = "view") -> Report:
    found: Report = doors.row(actor, "reports.report", pk, verb)
    return found


def compiler(actor: Actor, template: Template, period_code: str, organisation_id: int) -> Compiler:
    period = parse(period_code)
    organisation = Organisation.objects.get(pk=organisation_id)
    today = timezone.localdate()
    words = {
        "period": period.label,
        "organisation": organisation.name,
        "date": f"{today.year}年{today.month}月{today.day}日",
    }
    return Compiler(actor, period, words)


def document(actor: Actor, found: Report) -> Document:
    """A draft is compiled now in the reader's scope; an issued report is what was issued, word for word."""
    if found.state != State.DRAFT and found.body is not None:
        return Document.from_json(found.body)
    made = compiler(actor, found.template, found.period, found.organisation_id)
    return made.compile(found.title, full_text(found))


def full_text(found: Report) -> str:
    """The officer's note follows the text; marks work in it, markup beyond Markdown doesn't."""
    return found.template.text + (f"\n\n## 补充说明\n\n{found.note}" if found.note else "")


def checked(actor: Actor, found: Report) -> list[tuple[SealedFigure, Derived]]:
    """Every sealed figure of an issued report derived anew."""
    return [(sealed, rederive(actor, sealed)) for sealed in SealedFigure.objects.filter(seal=found.seal)]


def facts(found: Report) -> dict[str, Any]:
    return {"title": found.title, "period": found.period, "template": str(found.template), "state": found.state}
