"""Store the report templates the domains declare."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yiwang.cockpit.reports.services import publish_specs
from yiwang.kernel.access.actors import SYSTEM, Refused
from yiwang.site.manifests import manifests


class Command(BaseCommand):
    help = "登记各领域声明的报告模板（内容未变则不产生新版本）"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            number = publish_specs(SYSTEM, [spec for domain in manifests() for spec in domain.reports])
        except Refused as problem:
            raise CommandError(problem.message) from problem
        if options["verbosity"]:
            self.stdout.write(f"报告模板：新登记 {number} 版")
