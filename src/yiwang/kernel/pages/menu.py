"""The side menu: own work, then the wings of the domains, then the platform; only what the actor may open."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from yiwang.kernel.access.actors import Actor
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.pages.boxes import BOXES, counts
from yiwang.kernel.pages.manifest import Domain, MenuItem
from yiwang.kernel.registers.registry import name_words
from yiwang.kernel.ui.render import MenuEntry, MenuGroup, actor_of

WINGS = {
    "cockpit": "决策驾驶舱", "hall": "一网通办", "city": "一网统管", "office": "一网协同", "data": "数据底座", "infra": "云网基础",
}  # fmt: skip


@dataclass(frozen=True)
class PlatformItem:
    """A page of the kernel itself; `duties` empty means everybody signed in."""

    label: str
    url: str
    icon: str
    duties: frozenset[Duty] = frozenset()


ADMINISTRATORS = frozenset({Duty.SYSTEM, Duty.SECURITY, Duty.AUDIT})
PLATFORM = (
    PlatformItem("指标", "/figures/", "chart"),
    PlatformItem("流程", "/flows/", "flow"),
    PlatformItem("工作日历", "/calendar/", "calendar"),
    PlatformItem("后台任务", "/jobs/", "clock"),
    PlatformItem("组织与权限", "/administration/", "shield", ADMINISTRATORS),
    PlatformItem("运行状态", "/system/", "pulse", ADMINISTRATORS),
    PlatformItem("使用帮助", "/help/", "book"),
)
_domains: list[Domain] = []


def install(domains: Iterable[Domain]) -> None:
    """Told once by the site which domains there are."""
    _domains[:] = domains
    for each in _domains:
        name_words(each.words)


def domains() -> list[Domain]:
    return list(_domains)


def _entry(item: MenuItem, path: str) -> MenuEntry:
    return MenuEntry(item.label, item.url, item.icon or "table", current=path.startswith(item.url), group=item.group)


def wing_groups(actor: Actor, path: str) -> list[MenuGroup]:
    groups = []
    for wing, title in WINGS.items():
        items = [
            item for domain in _domains if domain.wing == wing for item in domain.menu if actor.can(*item.requires)
        ]
        if items:
            groups.append(MenuGroup(title, tuple(_entry(item, path) for item in items)))
    return groups


def _work(path: str, waiting: int) -> MenuGroup:
    entries = [MenuEntry("首页", "/", "home", current=path == "/")]
    for box in BOXES:
        url = f"/inbox/{box.code}/"
        count = waiting if box.code == "todo" else None
        entries.append(MenuEntry(box.name, url, box.icon, count, hot=bool(count), current=path.startswith(url)))
    return MenuGroup("我的工作", tuple(entries))


def _platform(actor: Actor, path: str) -> MenuGroup:
    shown = (item for item in PLATFORM if not item.duties or item.duties & actor.duties)
    return MenuGroup("平台", tuple(MenuEntry(i.label, i.url, i.icon, current=path.startswith(i.url)) for i in shown))


def duty_entries(actor: Actor) -> list[MenuEntry]:
    """The pages that an administrator's duty opens."""
    return [MenuEntry(item.label, item.url, item.icon) for item in PLATFORM if item.duties & actor.duties]


def shell_parts(request: HttpRequest) -> dict[str, Any]:
    actor = actor_of(request)
    path, known = request.path, counts(request)
    return {
        "menu": [_work(path, known["todo"]), *wing_groups(actor, path), _platform(actor, path)],
        "unread": known["unread"],
    }
