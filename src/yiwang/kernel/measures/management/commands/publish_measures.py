"""Publish every declared measure's definition."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yiwang.kernel.access.actors import Invalid
from yiwang.kernel.measures.services import publish_definitions


class Command(BaseCommand):
    help = "登记全部指标口径；口径变而版本不变的会被拒绝"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            number = publish_definitions()
        except Invalid as problem:
            raise CommandError(problem.message) from problem
        self.stdout.write(f"指标口径：新登记 {number} 个")
