"""The demonstration city's organisations, posts, people and accounts. All names are generated; nobody exists."""

import random
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.db import transaction

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.services import hold_role
from yiwang.kernel.access.terms import Duty
from yiwang.kernel.orgs.models import Organisation, Post
from yiwang.kernel.orgs.services import create_organisation, create_post, load_regions
from yiwang.kernel.people.models import Account, Appointment
from yiwang.kernel.people.services.accounts import create_account
from yiwang.kernel.people.services.appointments import appoint
from yiwang.kernel.people.services.persons import create_person

PASSWORD = "Yanshi-2026!"  # noqa: S105 - printed on the demonstration's sign-in page
GOVERNMENT = "示例市示例区人民政府"
DEPARTMENTS = (
    ("BUREAU", "数据管理局", "区数管局"), ("HOTLINE", "政务网络服务中心", "区热线中心"), ("HOUSING", "住房和城乡建设局", "区住建局"),
    ("URBAN", "城市管理行政执法局", "区执法局"), ("ECOLOGY", "生态环境局", "区环境局"), ("LABOUR", "人力资源和社会保障局", "区人社局"),
    ("EDUCATION", "教育局", "区教育局"), ("CULTURE", "文化和旅游局", "区文旅局"), ("TRANSPORT", "交通运输局", "区交通局"),
    ("MARKET", "市场监督管理局", "区市监局"), ("HEALTH", "卫生健康局", "区卫健局"), ("OVERSIGHT", "督查考核办公室", "区督考办"),
)  # fmt: skip
SUBDISTRICTS = ("望江街道", "青枫街道", "柳荫街道", "石桥街道", "南湖街道", "河西街道", "北辰街道", "东泉镇")
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "明华建国秀英志强晓丽文博雨桐海燕永刚思远佳宁立新春梅俊杰雅琴振东"


@dataclass(frozen=True)
class Desk:
    """One post with its holder: organisation code, post code and name, roles, username (empty: no account)."""

    organisation: str
    code: str
    name: str
    roles: tuple[str, ...] = ()
    username: str = ""
    head: bool = False
    duty: str = Duty.BUSINESS


HOTLINE = (
    Desk("HOTLINE", "operator", "话务员", ("hotline.operator",), "operator"),
    Desk("HOTLINE", "dispatcher", "派单员", ("hotline.dispatcher", "command.editor"), "dispatcher"),
    Desk("HOTLINE", "caller", "回访员", ("hotline.caller",), "caller"),
    Desk("HOTLINE", "manager", "热线科科长", ("hotline.manager", "command.editor", "reports.editor"), "manager"),
    Desk("HOTLINE", "director", "中心主任", ("hotline.manager", "reports.issuer"), "director", head=True),
    Desk("OVERSIGHT", "officer", "考核员", ("appraisal.officer", "reports.editor"), "appraiser"),
    Desk("OVERSIGHT", "reviewer", "复核员", ("appraisal.reviewer",), "reviewer", head=True),
    Desk("BUREAU", "sharing", "共享复核员", ("sharing.bureau",), "sharing"),
    Desk("BUREAU", "gateway", "接口管理员", ("sharing.operator",), "gateway"),
    Desk("BUREAU", "system", "系统管理员", ("system_administrator",), "sysadmin", duty=Duty.SYSTEM),
    Desk("BUREAU", "security", "安全管理员", ("security_administrator",), "secadmin", duty=Duty.SECURITY),
    Desk("BUREAU", "audit", "审计管理员", ("audit_administrator",), "auditadmin", duty=Duty.AUDIT),
    Desk("BUREAU", "collector", "归集管理员", ("collection.manager",), "collector"),
    Desk("BUREAU", "quality", "数据治理员", ("governance.steward",), "quality"),
    Desk("BUREAU", "catalogue", "目录管理员", ("catalog.reviewer", "census.manager"), "catalogue"),
    Desk("BUREAU", "opener", "开放审核员", ("opendata.reviewer", "opendata.service"), "opener"),
    Desk("BUREAU", "keeper", "数据安全管理员", ("protection.keeper", "protection.person_clerk"), "keeper"),
    Desk("BUREAU", "steward", "主数据管理员", ("masters.steward", "masters.revealer"), "steward"),
    Desk("BUREAU", "chief", "局长", ("reports.issuer", "reports.data_reader", "command.reader"), "chief", head=True),
)
# The sign-in page lists every account, so only some units have them.
SIGNING_IN = ("HOUSING", "URBAN", "SUB1")
DATA_ROLES = ("catalog.officer", "protection.steward")
CLERK_ROLES = ("catalog.clerk", "census.unit", "sharing.requester", "sharing.provider")
UNIT_ROLES = ("hotline.handler", "appraisal.unit", "command.reader", "collection.clerk", "opendata.clerk",
              "governance.provider")  # fmt: skip


def units() -> list[str]:
    """Codes of the organisations that handle requests."""
    return [code for code, _, _ in DEPARTMENTS[2:11]] + [f"SUB{number}" for number in range(1, len(SUBDISTRICTS) + 1)]


def desks() -> list[Desk]:
    found = list(HOTLINE)
    for code in units():
        name = code.lower() if code in SIGNING_IN else ""
        found.append(Desk(code, "handler", "承办员", (*UNIT_ROLES, *CLERK_ROLES), f"{name}.handler" if name else ""))
        found.append(
            Desk(code, "head", "负责人", (*UNIT_ROLES, "catalog.chief"), f"{name}.head" if name else "", head=True)
        )
        found.append(Desk(code, "data", "数据专员", DATA_ROLES, f"{name}.data" if code == SIGNING_IN[0] else ""))
    return found


def _organisations() -> None:
    load_regions(SYSTEM, [("99", "示例省"), ("9901", "示例市"), ("990101", "示例区"),
                          *((f"990101{number:03}", name) for number, name in enumerate(SUBDISTRICTS, start=1))])  # fmt: skip
    top = create_organisation(
        SYSTEM, code="GOV", name=GOVERNMENT, short_name="示例区", kind=Organisation.Kind.GOVERNMENT
    )
    for position, (code, name, short) in enumerate(DEPARTMENTS, start=1):
        create_organisation(
            SYSTEM, code=code, name=f"示例区{name}", short_name=short, parent_id=top.pk, position=position
        )
    for number, name in enumerate(SUBDISTRICTS, start=1):
        office = name if name.endswith("镇") else f"{name}办事处"
        create_organisation(
            SYSTEM, code=f"SUB{number}", name=f"{name}人民政府" if name.endswith("镇") else office, short_name=name,
            parent_id=top.pk, kind=Organisation.Kind.SUBDISTRICT, position=50 + number,
        )  # fmt: skip


def _staff() -> None:
    # Hashing takes half a second; the published password is no secret that a salt of each account's own would keep.
    hashed = make_password(PASSWORD)
    names = random.Random(12345)  # noqa: S311 - invented names, reproducible
    roles = {role.code: role.pk for role in Role.objects.all()}
    organisations = {each.code: each for each in Organisation.objects.all()}
    for number, desk in enumerate(desks(), start=1):
        organisation = organisations[desk.organisation]
        post = create_post(
            SYSTEM, organisation.pk, code=desk.code, name=desk.name, is_head=desk.head, position=number, duty=desk.duty
        )
        person = create_person(
            SYSTEM, name=names.choice(SURNAMES) + "".join(names.sample(GIVEN, names.randint(1, 2))),
            staff_number=f"YS{number:04}", phone=f"1390000{number:04}",
        )  # fmt: skip
        appoint(SYSTEM, person.pk, post.pk, reason="演示数据")
        for role in desk.roles:
            hold_role(SYSTEM, roles[role], post.pk, reason="演示数据")
        if desk.username:
            create_account(
                SYSTEM, person.pk, username=desk.username, password=PASSWORD, must_change=False, hashed=hashed
            )


@transaction.atomic
def build() -> list[tuple[str, str, str]]:
    """Make the city once; returns (duty, username, password) of the accounts worth showing."""
    if not Organisation.objects.exists():
        _organisations()
        _staff()
    shown = [desk.username for desk in desks() if desk.username]
    posts = dict(Appointment.objects.values_list("person_id", "post_id"))
    named = {post.pk: str(post) for post in Post.objects.select_related("organisation")}
    kept = Account.objects.filter(username__in=shown, person__in=posts)  # people try out dismissals too
    accounts = sorted(kept, key=lambda account: shown.index(account.username))
    return [(named[posts[account.person_id]], account.username, PASSWORD) for account in accounts]
