"""读：按操作人范围。"""

from datetime import date
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet, Sum

from yiwang.data.catalog import contract as catalog
from yiwang.data.collection import terms
from yiwang.data.collection.models import HeaderMemory, Package, Reminder, Source, Statement
from yiwang.kernel.access import doors
from yiwang.kernel.access.actors import SYSTEM, Actor, Refused
from yiwang.kernel.calendar.fields import written
from yiwang.kernel.files import queries as files
from yiwang.kernel.files import sealed
from yiwang.kernel.files.doors import register_owner
from yiwang.kernel.files.models import StoredFile
from yiwang.kernel.jobs.models import Job
from yiwang.kernel.lake.models import LakeTable, Publication
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.ui.sections import Fact, Section

PACKAGE, SOURCE, DELIVERY = "collection.package", "collection.source", "collection.delivery"
RETURNED = "退回表"
# Only CSV and workbooks hold tables; what a person may upload is known before the file is read.
ACCEPTED = ".xlsx,.xls,.ods,.et,.csv,.txt,.tsv"


def area(*parts: str) -> Path:
    """A folder of this domain's own."""
    folder = Path(settings.VAR).joinpath("collect", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


sealed.keep_below("collection.packages", lambda: area("packages"))
sealed.keep_below("collection.push", lambda: area("push"))


def packages(actor: Actor, verb: str = "view") -> QuerySet[Package]:
    return doors.rows(actor, PACKAGE, verb)


def package(actor: Actor, pk: int, verb: str = "view") -> Package:
    found: Package = doors.row(actor, PACKAGE, pk, verb)
    return found


def sources(actor: Actor, verb: str = "view") -> QuerySet[Source]:
    return doors.rows(actor, SOURCE, verb)


def source(actor: Actor, pk: int) -> Source:
    found: Source = doors.row(actor, SOURCE, pk)
    return found


def recent(actor: Actor) -> QuerySet[Package]:
    """The actor's own latest packages."""
    return packages(actor).filter(created_by_id=actor.person_id).order_by("-pk")[:10]


def job_of(package: Package) -> Job | None:
    """The job that works on a package now."""
    running = Job.objects.filter(name="collection.process", key=str(package.pk))
    return (
        running.filter(state__in=(Job.State.QUEUED, Job.State.RUNNING)).first()
        if package.state in terms.MOVING
        else None
    )


def publications(actor: Actor, facts: catalog.ResourceFacts) -> QuerySet[Publication]:
    """Which snapshots were current, the newest first; only for who may see packages of the resource."""
    seen = packages(actor).filter(resource_id=facts.id).exists()
    table = LakeTable.objects.filter(name=facts.table) if seen else LakeTable.objects.none()
    return (
        Publication.objects.filter(snapshot__table__in=table)
        .select_related("snapshot", "published_by")
        .order_by("-pk")[:50]
    )


def may_deliver(actor: Actor, organisation_id: int) -> bool:
    """Whether the actor may hand in data of that organisation."""
    return actor.system or doors.rows(actor, DELIVERY, "add").filter(pk=organisation_id).exists()


def require_delivery(actor: Actor, organisation_id: int) -> None:
    if not may_deliver(actor, organisation_id):
        raise Refused("您不能报送这个单位的数据，没有接收。请由该单位的数据专员报送。", rule="谁的数据谁报送")


def deliverable(actor: Actor) -> list[catalog.ResourceFacts]:
    """Published resources the actor may hand in data for."""
    organisations = doors.rows(actor, DELIVERY, "add").values_list("pk", flat=True)
    own = list(Organisation.objects.filter(pk__in=organisations).values_list("pk", flat=True)[:200])
    if len(own) == 1:
        return catalog.resources(actor, organisation_id=own[0])
    return [facts for facts in catalog.resources(actor) if facts.organisation_id in set(own)]


def returned(package: Package) -> StoredFile | None:
    """The coloured sheet of a package's bad rows; who sees the package may take it."""
    return files.of((PACKAGE, package.pk)).filter(kind=RETURNED).first()


def memory(organisation_id: int, resource_id: int) -> dict[str, list[str]]:
    """Item → headers a person of this organisation confirmed for it."""
    found: dict[str, list[str]] = {}
    for row in HeaderMemory.objects.filter(organisation_id=organisation_id, resource_id=resource_id):
        found.setdefault(row.item, []).append(row.title)
    return found


def published(resource_id: int) -> QuerySet[Package]:
    return Package.objects.filter(resource_id=resource_id, state=terms.State.PUBLISHED).order_by("-ended_at", "-pk")


def to_seal() -> list[int]:
    """Resources that hold items of level 3 or up and packages in the clear, none of them being worked on."""
    plain = Package.objects.filter(file__sealed=False, file__erased_at=None).exclude(state__in=terms.MOVING)
    ids = plain.order_by().values_list("resource_id", flat=True).distinct()
    return [facts.id for facts in catalog.resources(SYSTEM, ids=ids) if facts.sealed] if ids else []


def tables_to_seal() -> list[LakeTable]:
    """Lake tables in the clear whose resource holds items of level 3 or up by now."""
    plain = {table.name: table for table in LakeTable.objects.filter(sealed=False)}
    return [plain[name] for name in catalog.sealed_tables(plain)] if plain else []


def month_of_statements(actor: Actor, month: date) -> QuerySet[Statement]:
    return doors.rows(actor, "collection.statement").filter(month=month.replace(day=1)).order_by("resource_name", "pk")


def totals(statements: QuerySet[Statement]) -> dict[str, int]:
    names = ("above", "local", "same", "only_above", "only_local", "changed")
    found = statements.aggregate(**{name: Sum(name) for name in names})
    return {name: found[name] or 0 for name in names}


def sections(actor: Actor, reminder: Reminder) -> list[Section]:
    """What a reminder's case page shows of it."""
    facts = (
        Fact("信息资源", reminder.resource_name), Fact("资源代码", reminder.resource_code),
        Fact("应更新时间", written(reminder.due_at)),
        Fact("补报", "去报送数据", url=f"/collection/upload/?resource={reminder.resource_id}"),
    )  # fmt: skip
    return [Section("催报", facts)]


register_owner(PACKAGE, lambda actor, pk: packages(actor).filter(pk=pk).exists())
