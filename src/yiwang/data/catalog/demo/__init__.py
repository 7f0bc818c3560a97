"""示范目录：由各部门的职责按规则生成资源和信息项，不是抄来的数据；一部分逐级走完审核。"""

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from django.utils import timezone

from yiwang.data.catalog import services
from yiwang.data.catalog.flows import CHIEF, CLERK, OFFICER, REVIEWER
from yiwang.data.catalog.models import Resource
from yiwang.data.catalog.terms import Content, Cycle, Description, Format, ItemSpec, ShareMethod, ShareType
from yiwang.kernel.access.actors import SYSTEM, Actor
from yiwang.kernel.flow import services as flow
from yiwang.kernel.orgs.models import Organisation
from yiwang.kernel.orgs.services import create_organisation
from yiwang.kernel.people.models import Person
from yiwang.kernel.people.queries import actor_of_person

UNITS, RESOURCES, ITEMS, SYNCED, WALKED, WAITING, SEED = 46, 355, 5756, 214, 6, 3, 20260102
LAW, TAX = "《中华人民共和国个人信息保护法》第十三条", "《中华人民共和国税收征收管理法》第八条"
# What a department's name tells of its work: word, 主题, things its duties are about; items; further departments.
WORDS = json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
SUFFIXES = ("基本信息", "办理结果信息", "年度统计信息", "变更信息", "监督检查信息")
CORE = (
    ItemSpec("record_no", "登记编号", length=32, is_key=True, nullable=False, share_type="unconditional", open_type="unconditional"),
    ItemSpec("subject_name", "名称", length=120, share_type="unconditional", open_type="unconditional"),
    ItemSpec("uscc", "统一社会信用代码", length=18, share_type="unconditional", standard="GB 32100-2015"),
    ItemSpec("id_number", "公民身份号码", length=18, share_type="withheld", share_basis=LAW, standard="GB 11643-1999", is_sensitive=True),
    ItemSpec("person_name", "姓名", length=50, share_condition="限履行职责核验使用", is_sensitive=True),
    ItemSpec("updated_at", "更新时间", "timestamp", is_timestamp=True, share_type="unconditional"),
)  # fmt: skip


def _actor(role: str, unit: int | None = None) -> Actor | None:
    """Who holds a role, in a unit or anywhere."""
    found = Person.objects.filter(
        appointments__post__roles__role__code=role, **({"appointments__post__organisation": unit} if unit else {})
    )
    person = found.order_by("pk").first()
    return actor_of_person(person) if person else None


def _units() -> list[Organisation]:
    """46 departments and subdistricts; those missing are made, as the city has fewer."""
    top = Organisation.objects.get(code="GOV")
    known = list(Organisation.objects.filter(parent=top).order_by("position", "pk"))
    for number, name in enumerate(WORDS["departments"][: max(0, UNITS - len(known))], start=1):
        known.append(
            create_organisation(SYSTEM, code=f"DEP{number:02}", name=f"示例区{name}", short_name=f"区{name}",
            parent_id=top.pk, position=20 + number)
        )  # fmt: skip
    return known[:UNITS]


def _contents(chance: random.Random, units: list[Organisation]) -> list[tuple[int, Content]]:
    """355 resources with 5,756 items, spread evenly over the units: 16 or 17 items each; then those to wait in review."""
    made: list[tuple[int, Content]] = []
    names: dict[int, int] = {}
    for unit in (unit for unit, _ in zip(cycle(units), range(RESOURCES + WAITING), strict=False)):
        theme, words = _work(unit)
        number = names[unit.pk] = names.get(unit.pk, -1) + 1
        name = words[number % len(words)] + SUFFIXES[(number // len(words) + number) % len(SUFFIXES)]
        size = ITEMS // RESOURCES + (len(made) < ITEMS % RESOURCES)
        made.append((unit.pk, _content(chance, unit, name, theme, size)))
    return made


def _work(unit: Organisation) -> tuple[str, list[str]]:
    """The theme and the things of a department's duties, by its name."""
    words = next(line for line in WORDS["work"] if line[0] in unit.name)
    return words[1], words[2]


def _content(chance: random.Random, unit: Organisation, name: str, theme: str, size: int) -> Content:
    code = services.category_of_department(SYSTEM, unit.pk).code
    described = Description(
        name=name, category=code, abstract=f"{unit.name}在履行职责中形成的{name}，按业务系统登记内容逐条采集，反映当前有效状态。",
        theme=theme if chance.random() < 0.9 else "", cycle=chance.choice((Cycle.DAY, Cycle.MONTH, Cycle.MONTH, Cycle.QUARTER, Cycle.YEAR, Cycle.IRREGULAR)),
        format=Format.DOCUMENT if chance.random() < 0.12 else chance.choice((Format.DATABASE, Format.SPREADSHEET)),
        share_method=chance.choice((ShareMethod.SYSTEM, ShareMethod.QUERY, ShareMethod.DOWNLOAD)), source_system=f"{unit}业务系统",
        subjects=("event", "organisation"),
    )  # fmt: skip
    extra = [_item(*spec) for spec in chance.sample(WORDS["items"], size - len(CORE))]
    items = (*CORE[:-1], *extra, CORE[-1])
    style = chance.random()
    if style < 0.35:
        public: dict[str, Any] = {
            "share_type": "unconditional",
            "share_condition": "",
            "share_basis": "",
            "open_type": "unconditional",
        }
        items = tuple(replace(item, **public) for item in items if not item.is_sensitive) + _more(chance, items)
    elif style > 0.96:
        items = tuple(replace(item, share_type="withheld", share_basis=LAW, open_type="withheld") for item in items)
    return Content(described, items)


def _more(chance: random.Random, items: tuple[ItemSpec, ...]) -> tuple[ItemSpec, ...]:
    left = [
        spec for spec in WORDS["items"] if spec[3] == "unconditional" and spec[0] not in {item.name for item in items}
    ]
    return tuple(_item(*spec) for spec in chance.sample(left, 2))


def _item(name: str, title: str, data_type: str, share_type: str) -> ItemSpec:
    withheld, conditional = share_type == ShareType.WITHHELD, share_type == ShareType.CONDITIONAL
    return ItemSpec(
        name, title, data_type, 100 if data_type == "text" else 0, share_type=share_type, share_basis=TAX if withheld else "",
        share_condition="限行政管理和公共服务使用" if conditional else "", open_type="withheld" if withheld or conditional else "unconditional",
        code_table="GB/T 2260" if name == "division_code" else "",
    )  # fmt: skip


def _walk(application_case: int, unit: int, start: datetime, stop: int) -> None:
    """As far as `stop` of the three reviewers, at instants in the past."""
    for step, (role, where) in enumerate(((OFFICER, unit), (CHIEF, unit), (REVIEWER, None))[:stop], start=1):
        at = start + timedelta(hours=20 * step)
        if (who := _actor(role, where)) is not None:
            flow.act(who, application_case, "agree", opinion="内容完整，同意。", happened_at=at)


def _reviewed(fresh: list[Resource], now: datetime) -> None:
    """Resources of units with officers go through review; the last ones wait with each reviewer in turn."""
    for number, resource in enumerate(fresh):
        clerk = _actor(CLERK, resource.organisation_id)
        if clerk is not None:
            start = now - timedelta(days=12 - number)
            case = services.submit(clerk, resource.pk, reason="首次编目", happened_at=start).case_id
            _walk(case, resource.organisation_id, start, 3 if number < WALKED else number - WALKED)


def build() -> list[tuple[str, str, str]]:
    """355 resources of 46 units, published; some in review, some synced. Data comes with collection. Does nothing the second time."""
    if Resource.objects.exists():
        return []
    chance, now = random.Random(SEED), timezone.now()  # noqa: S311 - invented data, reproducible
    services.load_standard(SYSTEM)
    units = _units()
    reviewed = [unit.pk for unit in units if _actor(CLERK, unit.pk) and _actor(CHIEF, unit.pk)]
    entries = _contents(chance, units)
    walked = [entry for entry in entries[:RESOURCES] if entry[0] in reviewed][:WALKED]
    taken = [entry for entry in entries[:RESOURCES] if entry not in walked]
    walked += [(reviewed[number], content) for number, (_, content) in enumerate(entries[RESOURCES:])]
    _reviewed(services.register_many(SYSTEM, walked, is_demo=True), now)
    old = now - timedelta(days=150)
    made = services.register_many(SYSTEM, taken, published_at=old, is_demo=True)
    for number, resource in enumerate(made):
        if number < SYNCED:
            services.mark_synced(SYSTEM, resource.pk, f"SJ-{resource.code}", old + timedelta(days=30))
    return []
