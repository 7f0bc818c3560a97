"""`seed_standards`: published standards into the database, idempotent."""

from django.core.management.base import BaseCommand
from django.db import transaction

from yiwang.kernel.access.actors import SYSTEM
from yiwang.standards import services


class Command(BaseCommand):
    help = "载入已公布的标准数据（节假日安排），可重复运行。"

    def handle(self, *args: object, **options: object) -> None:
        with transaction.atomic():
            count = services.load_holidays(SYSTEM)
        self.stdout.write(f"节假日安排：新载入 {count} 份通知。")
