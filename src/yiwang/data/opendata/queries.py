"""开放数据的读取。公众的每一道门都只从 `shown` 取：开放什么，每次读的时候向目录问。"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import OperationalError, connection, models, transaction
from django.db.models import Count, Func, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from yiwang.data.catalog import contract as catalog
from yiwang.data.catalog.contract import ItemFacts, ResourceFacts
from yiwang.data.opendata.models import Application, Dataset, Edition, Feedback, PublishedFile, Row, Stop
from yiwang.data.opendata.terms import CYCLES, State, Topic
from yiwang.data.protection import contract as protection
from yiwang.kernel.access.actors import SYSTEM, Actor, Invalid, Refused
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.search.indexing import containing
from yiwang.kernel.ui.sections import Fact, Section

WORDS = ("title", "description")
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
QUERY_MS = 3000
Plan = dict[str, list[str]]


@dataclass(frozen=True)
class Shown:
    """All that the public may know of an open data set. `items` are the open items only; `edition` is None while no
    published file holds only what is open now."""

    dataset: Dataset
    organisation: str
    items: tuple[ItemFacts, ...]
    cycle: str
    frequency: str
    loaded_at: datetime | None
    edition: Edition | None
    files: tuple[PublishedFile, ...]

    @property
    def modified_at(self) -> datetime:
        at = [self.dataset.changed_at, *([self.edition.published_at] if self.edition else [])]
        return max(at)


def open_items(facts: ResourceFacts) -> tuple[ItemFacts, ...]:
    """The items whose data may be shown to everybody now; none of a resource that is not published or is offline."""
    if facts.version == 0 or facts.online_state == "offline":
        return ()
    return tuple(item for item in facts.items if catalog.allowed(item, "open"))


def plans(found: Mapping[int, Sequence[ItemFacts]]) -> dict[int, Plan]:
    """Per resource the masks its open items need, in one statement for all."""
    named = [replace(item, name=f"{key}:{item.name}") for key, items in found.items() for item in items]
    made: dict[int, Plan] = {key: {} for key in found}
    for name, (kind, method) in protection.mask_plan(named, "public").items() if named else ():
        key, _, field = name.partition(":")
        made[int(key)][field] = [kind, method]
    return made


def servable(edition: Edition, items: Iterable[ItemFacts], plan: Plan) -> bool:
    """Whether every field of the edition is still open and masked as the rules ask now, and no law took it back."""
    if hasattr(edition, "stop"):
        return False
    names = {column["name"] for column in edition.columns}
    wanted = {name: how for name, how in plan.items() if name in names}
    return names <= {item.name for item in items} and wanted == edition.plan


def shown(datasets: Iterable[Dataset]) -> list[Shown]:
    """What may be shown of these data sets, in their order; those with nothing open are left out. Seven statements."""
    found = [each for each in datasets if each.state == State.OPEN]
    if not found:
        return []
    facts = {each.id: each for each in catalog.resources(SYSTEM, ids=[each.resource_id for each in found])}
    items = {key: open_items(each) for key, each in facts.items()}
    masks = plans(items)
    latest = (
        Edition.objects.filter(dataset__in=found)
        .select_related("stop")
        .order_by("dataset_id", "-number")
        .distinct("dataset_id")
    )
    editions = {each.dataset_id: each for each in latest}
    files: dict[int, list[PublishedFile]] = {}
    for file in (
        PublishedFile.objects.filter(edition__in=editions.values()).select_related("file", "edition").order_by("pk")
    ):
        files.setdefault(file.edition_id, []).append(file)
    made = []
    for each in found:
        source = facts.get(each.resource_id)
        if source is None or not items[source.id]:
            continue
        edition = editions.get(each.pk)
        if edition is not None and not servable(edition, items[source.id], masks[source.id]):
            edition = None
        label, frequency = CYCLES[source.cycle]
        made.append(
            Shown(each, source.organisation, items[source.id], label, frequency, source.loaded_at, edition,
                  tuple(files.get(edition.pk, ())) if edition else ())
        )  # fmt: skip
    return made


ABSENT = "没有找到这个数据集：它不存在、尚未开放或已经撤下。"


def one(name: str) -> Shown:
    """An open data set by its name; the refusal does not tell whether there is one that is not open."""
    found = shown(Dataset.objects.filter(name=name, state=State.OPEN))
    if not found:
        raise Refused(ABSENT, code="absent")
    return found[0]


def gone(name: str) -> Dataset | None:
    """A data set that was open and has been withdrawn: whoever has its address is told why."""
    return Dataset.objects.filter(name=name, state=State.WITHDRAWN, opened_at__isnull=False).first()


def past(dataset: Dataset, items: Sequence[ItemFacts]) -> list[Edition]:
    """Editions before the current one whose files may still be had."""
    plan = plans({0: items})[0]
    found = dataset.editions.select_related("stop").prefetch_related("files").order_by("-number")[1:13]
    return [each for each in found if servable(each, items, plan)]


def stopped(dataset: Dataset) -> list[Stop]:
    """Editions that the law took back: whoever has downloaded one has to be told, as long as the data set is open."""
    return list(Stop.objects.filter(edition__dataset=dataset).select_related("edition").order_by("edition__number"))


def file_of(name: str, number: int, form: str) -> tuple[Shown, PublishedFile]:
    """A published file that may be handed out now."""
    seen = one(name)
    file = (
        PublishedFile.objects.filter(edition__dataset=seen.dataset, edition__number=number, format=form)
        .select_related("file", "edition__stop")
        .first()
    )
    if file is None or not servable(file.edition, seen.items, plans({0: seen.items})[0]):
        raise Refused("没有这个文件，或它含有已不再开放的字段，已停止提供。", rule="目录变化即停止提供", code="absent")
    return seen, file


def search(
    words: str = "", *, organisation: int | None = None, topic: str = "", tag: str = "", form: str = "", licence: str = ""
) -> QuerySet[Dataset]:  # fmt: skip
    """Open data sets that hold all words in title, description, tags or department."""
    found = Dataset.objects.filter(state=State.OPEN, item_count__gt=0).select_related("organisation")
    for word in words.split()[:6]:
        found = found.filter(
            containing(Dataset, WORDS, word) | Q(tags__contains=[word]) | Q(organisation__name__contains=word)
        )
    given = {"organisation": organisation, "topic": topic, "licence": licence}
    found = found.filter(**{name: value for name, value in given.items() if value})
    if tag:
        found = found.filter(tags__contains=[tag])
    return found.filter(editions__files__format=form).distinct() if form else found


def facets(found: QuerySet[Dataset]) -> dict[str, list[tuple[str, str, int]]]:
    """(key, words, number) by organisation, topic and tag, the most frequent first; three statements."""
    plain = Dataset.objects.filter(pk__in=found.order_by().values("pk"))
    units = plain.values_list("organisation_id", "organisation__name").annotate(n=Count("pk")).order_by("-n")[:50]
    topics = plain.values_list("topic").annotate(n=Count("pk")).order_by("-n")
    each: Any = Func("tags", function="unnest", output_field=models.CharField())
    tags = plain.annotate(tag=each).values_list("tag").annotate(n=Count("pk")).order_by("-n", "tag")[:50]
    return {
        "organization": [(str(key), name, n) for key, name, n in units],
        "groups": [(key, Topic(key).label, n) for key, n in topics],
        "tags": [(tag, tag, n) for tag, n in tags],
    }


@dataclass(frozen=True)
class Asked:
    """A query of published rows: `filters` field → value or values, `sort` (field, descending)."""

    limit: int = 100
    offset: int = 0
    fields: tuple[str, ...] = ()
    filters: Mapping[str, Any] | None = None
    words: str = ""
    sort: tuple[tuple[str, bool], ...] = ()


CASTS: dict[str, Any] = {
    "integer": models.BigIntegerField(),
    "decimal": models.DecimalField(max_digits=38, decimal_places=10),
}


def _known(edition: Edition, names: Iterable[str]) -> None:
    known = {column["name"] for column in edition.columns}
    wrong = next((name for name in names if name not in known), None)
    if wrong is not None:
        # The name is the caller's own word; nothing is said of what else the resource may hold.
        raise Invalid(f"没有名为“{wrong[:60]}”的开放字段。", errors={"fields": ["不是开放字段"]})


def records(seen: Shown, asked: Asked) -> tuple[int, list[dict[str, Any]]]:
    """Rows of the current edition with `_id`; how many match in all."""
    edition = seen.edition
    if edition is None or not edition.queryable:
        raise Refused("这个数据集暂不能按行查询，请下载文件。", code="absent")
    filters = dict(asked.filters or {})
    _known(edition, [*filters, *asked.fields, *(name for name, _ in asked.sort)])
    found = Row.objects.filter(edition=edition)
    for name, value in filters.items():
        wanted = value if isinstance(value, list) else [value]
        found = found.filter(Q(*(Q(content__contains={name: each}) for each in wanted[:50]), _connector=Q.OR))
    if asked.words:
        text: Any = Cast("content", models.TextField())
        found = found.annotate(text=text).filter(text__icontains=asked.words[:100])
    types = {column["name"]: column["type"].partition("(")[0] for column in edition.columns}
    order: list[Any] = []
    for name, down in asked.sort:
        value = KeyTextTransform(name, "content")
        key: Any = Cast(value, CASTS[types[name]]) if types[name] in CASTS else value
        order.append(key.desc(nulls_last=True) if down else key.asc(nulls_last=True))
    ordered = found.order_by(*order, "number")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(QUERY_MS)])
            total = found.count() if filters or asked.words else edition.rows
            rows = list(ordered.values_list("number", "content")[asked.offset : asked.offset + asked.limit])
    except OperationalError as error:
        raise Refused("查询过大，没有在 3 秒内完成。请加条件，或下载文件。", rule="接口限额", code="busy") from error
    fields = asked.fields or tuple(types)
    return total, [{"_id": number, **{name: content.get(name) for name in fields}} for number, content in rows]


def preview(seen: Shown, rows: int = 10) -> list[list[Any]]:
    """The first rows as the files have them, masks included."""
    if seen.edition is None:
        return []
    found = Row.objects.filter(edition=seen.edition, number__lte=rows).order_by("number")
    return [[each.content.get(column["name"]) for column in seen.edition.columns] for each in found]


def tracking_code() -> str:
    """Twelve characters, sixty bits, none that is taken for another."""
    return "".join(secrets.choice(ALPHABET) for _ in range(12))


def tracked(code: str) -> Feedback:
    found = (
        Feedback.objects.filter(tracking_code=code.replace("\0", "").strip().upper())
        .select_related("case", "organisation")
        .first()
    )
    if found is None:
        raise Refused("没有找到这个查询码。请核对回执上的 12 位查询码。", code="absent")
    return found


def candidates(actor: Actor) -> list[ResourceFacts]:
    """Resources of the actor's organisation with something open that are not open yet."""
    if actor.organisation_id is None:
        return []
    taken = set(Dataset.objects.filter(state__in=(State.OPEN, State.REVIEW)).values_list("resource_id", flat=True))
    found = catalog.resources(actor, organisation_id=actor.organisation_id)
    return [each for each in found if each.id not in taken and open_items(each)]


def due() -> list[Dataset]:
    """Open data sets whose files do not show what the lake and the catalogue have now; no engine."""
    found = list(Dataset.objects.filter(state=State.OPEN))
    facts = {each.id: each for each in catalog.resources(SYSTEM, ids=[each.resource_id for each in found])}
    seen = {each.dataset.pk: each for each in shown(found)}
    tables = LakeTable.objects.filter(name__in=[each.table for each in facts.values()], current__isnull=False)
    current = dict(tables.values_list("name", "current__number"))
    wanted = []
    for each in found:
        source = facts.get(each.resource_id)
        held = seen[each.pk].edition if each.pk in seen else None
        names = {item.name for item in open_items(source)} if source else set()
        number = current.get(source.table) if source else None
        if (names and number and (held is None or held.snapshot != number)) or each.item_count != len(names):
            wanted.append(each)
    return wanted


def facts_of(resource_id: int) -> ResourceFacts | None:
    return next(iter(catalog.resources(SYSTEM, ids=[resource_id], published=False)), None)


def application_sections(actor: Actor, found: Application) -> list[Section]:
    """What the reviewer must see before anything is public: which items leave, which stay and why."""
    dataset, facts = found.dataset, facts_of(found.dataset.resource_id)
    leaving = open_items(facts) if facts else ()
    names = {item.name for item in leaving}
    staying = [item for item in facts.items if item.name not in names] if facts else []
    why = "、".join(f"{item.title}（{_why(item)}）" for item in staying)
    return [
        Section("开放申请", (
            Fact("数据集", dataset.title), Fact("提供部门", str(dataset.organisation)),
            Fact("资源代码", dataset.resource_code), Fact("领域", dataset.get_topic_display()),
            Fact("使用许可", dataset.get_licence_display()), Fact("标签", "、".join(dataset.tags) or "无"),
            Fact("说明", dataset.description, wide=True),
            Fact("将公开的信息项", "、".join(f"{item.title}（{item.name}）" for item in leaving) or "没有", wide=True),
            Fact("不公开的信息项", why or "无", wide=True),
        )),
    ]  # fmt: skip


def _why(item: ItemFacts) -> str:
    if not item.graded:
        return "尚未定级"
    return f"{item.level} 级" if item.level > 1 else "目录未列为无条件开放"


def feedback_sections(actor: Actor, found: Feedback) -> list[Section]:
    about = (
        Fact("数据集", found.dataset.title, url=f"/public/open/{found.dataset.name}/")
        if found.dataset
        else Fact("数据集", "未指明")
    )
    facts = [
        Fact("类别", found.get_kind_display()),
        about,
        Fact("标题", found.title),
        Fact("内容", found.content, wide=True),
    ]
    facts.append(Fact("联系方式", "已留，加密保存" if found.contact else "未留"))
    return [Section("公众反馈", tuple(facts))]
