"""Write what is generated in the documentation: glossary and list of measures."""

from typing import Any

from django.core.management.base import BaseCommand

from yiwang.kernel.pages.figures import catalogue
from yiwang.site.glossary import glossary
from yiwang.site.localdb import ROOT
from yiwang.site.manifests import manifests


class Command(BaseCommand):
    help = "由代码生成 docs/glossary.md 与 docs/measures.md"

    def handle(self, *args: Any, **options: Any) -> None:
        for name, text in (("glossary.md", glossary(manifests())), ("measures.md", catalogue(manifests()))):
            (ROOT / "docs" / name).write_text(text, encoding="utf-8")
            self.stdout.write(f"已写入 docs/{name}")
