"""The glossary as Markdown: what the models, their choices and the flows call things. One concept, one name."""

import re
from collections import Counter
from collections.abc import Iterable

from django.apps import apps
from django.db.models import Field, Model

from yiwang.kernel.access.roles import KERNEL_ROLES
from yiwang.kernel.flow.definitions import Flow
from yiwang.kernel.pages.manifest import Domain
from yiwang.kernel.registers.registry import all_registers

HEADER = (
    "# 名词\n\n由模型、选项、角色和流程的声明生成（`python -m yiwang.site document`），请勿手改。一个概念一个名称；"
    "英文名即代码中的名称。"
)
# Rooms' own models; samples of the tests are not part of the platform.
OURS = re.compile(r"yiwang\.(?!.*\.tests\b).*")
# Storage only: no page, export or interface shows them.
UNSEEN = frozenset({"search_terms", "session_data", "expire_date"})
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def concepts() -> list[type[Model]]:
    """Every model of ours that officers meet: rows that only join two others have no class of their own."""
    found = [model for model in apps.get_models() if OURS.fullmatch(model.__module__)]
    return sorted(found, key=lambda model: (model._meta.app_label, model.__name__))


def nameless() -> list[str]:
    """Models and fields that have no Chinese name."""
    missing = [model._meta.label for model in concepts() if not CHINESE.search(str(model._meta.verbose_name))]
    for model in concepts():
        missing += [f"{model._meta.label}.{field.name}" for field in _fields(model) if not CHINESE.search(_name(field))]
    return missing


def doubled() -> list[str]:
    """Names that stand for two models."""
    count = Counter(str(model._meta.verbose_name) for model in concepts())
    return sorted(name for name, times in count.items() if times > 1)


def _fields(model: type[Model]) -> list[Field]:  # type: ignore[type-arg]
    return [field for field in model._meta.fields if not field.primary_key and field.name not in UNSEEN]


def _name(field: Field) -> str:  # type: ignore[type-arg]
    return str(field.verbose_name)


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "｜") or "—"


def _about(model: type[Model]) -> str:
    """The first sentence of its docstring when it is written for officers."""
    text = (model.__doc__ or "").strip().split("\n")[0]
    return text if CHINESE.search(text) else ""


def _models() -> Iterable[str]:
    pages = {register.model: register for register in all_registers()}
    app = ""
    for model in concepts():
        if model._meta.app_label != app:
            app = model._meta.app_label
            yield f"\n## {app}\n\n| 名词 | 英文 | 台账 | 说明 | 项目 |\n|---|---|---|---|---|"
        register = pages.get(model)
        where = f"{register.name}（`/r/{register.code}/`）" if register else "—"
        parts = "、".join(_name(field) for field in _fields(model))
        cells = (model._meta.verbose_name, f"`{model.__name__}`", where, _about(model), parts)
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _choices() -> Iterable[str]:
    yield "\n## 选项\n\n| 项目 | 属于 | 可选 |\n|---|---|---|"
    for model in concepts():
        for field in _fields(model):
            if field.choices and not callable(field.choices):
                options = "、".join(f"{label}（`{value}`）" for value, label in field.flatchoices)
                yield f"| {_cell(_name(field))} | {_cell(model._meta.verbose_name)} | {_cell(options)} |"


def _roles(domains: Iterable[Domain]) -> Iterable[str]:
    yield "\n## 角色\n\n| 角色 | 代码 | 模块 |\n|---|---|---|"
    for role in KERNEL_ROLES:
        yield f"| {role.name} | `{role.code}` | 平台 |"
    for domain in domains:
        for role in domain.roles:
            yield f"| {role.name} | `{role.code}` | {domain.name} |"


def _flow(flow: Flow) -> str:
    stages = "；".join(
        f"{stage.name}（{'、'.join(action.name for action in stage.actions) or '—'}）" for stage in flow.stages
    )
    outcomes = "、".join(name for _, name in flow.outcomes)
    return f"| {flow.name} | `{flow.code}` | {_cell(stages)} | {_cell(outcomes)} | {_cell(flow.basis)} |"


def glossary(domains: list[Domain]) -> str:
    flows = [_flow(flow) for domain in domains for flow in domain.flows]
    lines = [HEADER, *_models(), *_choices(), *_roles(domains)]
    lines += ["\n## 流程\n\n| 流程 | 代码 | 环节（动作） | 结果 | 依据 |\n|---|---|---|---|---|", *flows]
    return "\n".join(lines) + "\n"
