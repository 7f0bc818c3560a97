"""Publish every flow the domains declare; an unchanged flow keeps its version."""

from typing import Any

from django.core.management.base import BaseCommand

from yiwang.kernel.flow.publishing import publish
from yiwang.site.manifests import manifests


class Command(BaseCommand):
    help = "发布各领域声明的流程（内容未变则不产生新版本）"

    def handle(self, *args: Any, **options: Any) -> None:
        for domain in manifests():
            for flow in domain.flows:
                version = publish(flow)
                if options["verbosity"]:
                    self.stdout.write(f"{version}：{version.digest[:12]}")
