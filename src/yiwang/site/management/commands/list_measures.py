"""Write the list of measures into the documentation."""

from typing import Any

from django.core.management.base import BaseCommand

from yiwang.kernel.pages.figures import catalogue
from yiwang.site.localdb import ROOT
from yiwang.site.manifests import manifests

TARGET = ROOT / "docs" / "measures.md"


class Command(BaseCommand):
    help = "由指标声明生成 docs/measures.md"

    def handle(self, *args: Any, **options: Any) -> None:
        TARGET.write_text(catalogue(manifests()), encoding="utf-8")
        self.stdout.write(f"已写入 {TARGET}")
