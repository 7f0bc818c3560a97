"""Choices of the access room."""

from django.db.models import Q, TextChoices


class Scope(TextChoices):
    """五种数据范围，由宽到窄。"""

    ALL = "all", "全部"
    CUSTOM = "custom", "自定义"
    TREE = "tree", "本部门及以下"
    ORGANISATION = "organisation", "本部门"
    OWN = "own", "本人"


class Duty(TextChoices):
    BUSINESS = "business", "业务"
    SYSTEM = "system", "系统管理"
    SECURITY = "security", "安全管理"
    AUDIT = "audit", "审计管理"


ADMINISTRATORS = frozenset({Duty.SYSTEM, Duty.SECURITY, Duty.AUDIT})


def _rooms(*names: str, **conditions: str) -> Q:
    return Q(*(Q(resource__startswith=f"{name}.") for name in names), _connector=Q.OR) & Q(**conditions)


# 三员分立（GB/T 22239-2019 三级 8.1.5）：each duty reaches its own rooms only; the database checks this on every grant.
DIRECTORY = _rooms("orgs", "people", verb="view")
GRANTABLE = (
    (Q(duty=Duty.BUSINESS) & (~_rooms("orgs", "people", "access", "ledger", "jobs") | DIRECTORY))
    | (Q(duty=Duty.SYSTEM) & _rooms("orgs", "people", "jobs", "calendar", "messages"))
    | (Q(duty=Duty.SECURITY) & (_rooms("access") | DIRECTORY))
    | (Q(duty=Duty.AUDIT) & (_rooms("ledger") | DIRECTORY | _rooms("access", verb="view")))
)


def grantable(duty: str, resource: str, verb: str) -> bool:
    """The same rule for one grant, without asking the database."""
    room = resource.partition(".")[0]
    own = {Duty.SYSTEM: ("orgs", "people", "jobs", "calendar", "messages"), Duty.SECURITY: ("access",),
           Duty.AUDIT: ("ledger",)}  # fmt: skip
    seen = {Duty.SYSTEM: (), Duty.AUDIT: ("orgs", "people", "access")}.get(Duty(duty), ("orgs", "people"))
    if duty == Duty.BUSINESS and room not in ("orgs", "people", "access", "ledger", "jobs"):
        return True
    return room in own.get(Duty(duty), ()) or (verb == "view" and room in seen)
