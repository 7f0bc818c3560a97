"""Install the three separated administrators of a new site, once; their passwords are shown this once."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.kernel.access.models import Role
from yiwang.kernel.access.roles import KERNEL_ROLES
from yiwang.kernel.access.services import hold_role
from yiwang.kernel.orgs.services import create_organisation, create_post
from yiwang.kernel.people.models import AdministratorAppointment
from yiwang.kernel.people.passwords import one_time
from yiwang.kernel.people.services import appoint, create_account, create_person

REASON = "系统安装"


class Command(BaseCommand):
    help = "安装时建立系统、安全、审计三名管理员（只能执行一次）"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="主管机构名称，如 示例市数据局")
        parser.add_argument("--code", required=True, help="主管机构代码，如统一社会信用代码")
        parser.add_argument("names", nargs=3, help="系统、安全、审计管理员的姓名，须是三个人")

    def handle(self, *args: Any, **options: Any) -> None:
        if len(set(options["names"])) != 3:
            raise CommandError("三员须由三个人担任，请给出三个不同的姓名。")
        call_command("declare_roles", verbosity=0)
        try:
            with transaction.atomic():
                lines = self._install(options)
        except Refused as problem:
            raise CommandError(problem.message) from problem
        self.stdout.write("请当面交给本人，只显示这一次，首次登录须改密码：")
        for line in lines:
            self.stdout.write("  ".join(line))

    def _install(self, options: dict[str, Any]) -> list[tuple[str, str, str]]:
        if AdministratorAppointment.objects.exists():
            raise CommandError("管理员已经存在。增补管理员请由安全管理员在“组织与权限”中任命。")
        home = create_organisation(SYSTEM, code=options["code"], name=options["organisation"])
        lines = []
        for spec, name in zip(KERNEL_ROLES, options["names"], strict=True):
            role = Role.objects.get(code=spec.code)
            post = create_post(SYSTEM, home.pk, code=spec.code, name=spec.name, duty=spec.duty)
            hold_role(SYSTEM, role.pk, post.pk, reason=REASON)
            person = create_person(SYSTEM, name=name, staff_number=f"ADM-{spec.duty}", organisation_id=home.pk)
            appoint(SYSTEM, person.pk, post.pk, reason=REASON)
            password = one_time()
            account = create_account(SYSTEM, person.pk, username=f"{spec.duty}.admin", password=password)
            lines.append((spec.name, account.username, password))
        return lines
