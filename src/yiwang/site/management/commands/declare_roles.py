"""Bring the kernel's and every domain's roles into the database; safe to run again."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.access.roles import KERNEL_ROLES
from yiwang.kernel.access.services import declare
from yiwang.site.manifests import manifests


class Command(BaseCommand):
    help = "登记三个管理员角色和各领域声明的角色与授权（可重复执行）"

    def handle(self, *args: Any, **options: Any) -> None:
        declared = [("kernel", spec) for spec in KERNEL_ROLES]
        declared += [(domain.code, spec) for domain in manifests() for spec in domain.roles]
        with transaction.atomic():
            for declared_by, spec in declared:
                declare(SYSTEM, spec, declared_by)
        self.stdout.write(f"已登记 {len(declared)} 个角色")
