"""Build the demonstration city: every domain's part, in the order the domains ask for."""

import json
from graphlib import TopologicalSorter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from yiwang.kernel.pages.manifest import Domain
from yiwang.site import demo_city
from yiwang.site.manifests import manifests


def ordered(domains: list[Domain]) -> list[Domain]:
    known = {domain.code: domain for domain in domains}
    for domain in domains:
        for code in domain.demo_after:
            if code not in known:
                raise CommandError(f"{domain.code} 的示范数据依赖 {code}，但没有这个领域。")
    return [known[code] for code in TopologicalSorter({d.code: d.demo_after for d in domains}).static_order()]


class Command(BaseCommand):
    help = "建立示范城市（可重复执行）"

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("生产环境（YIWANG_ENV=production）不得生成示范数据。")
        # Thousands of small commits need not each wait for the disk: what a loss of power takes, the next run builds.
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            accounts = self._build(verbose=bool(options["verbosity"]))
            cursor.execute("RESET synchronous_commit")
        settings.VAR.mkdir(parents=True, exist_ok=True)
        (settings.VAR / "demo-accounts.json").write_text(json.dumps(accounts, ensure_ascii=False))

    def _build(self, *, verbose: bool) -> list[tuple[str, str, str]]:
        """The accounts to sign in with."""
        accounts = demo_city.build()
        for domain in ordered(manifests()):
            if domain.demo is not None:
                accounts += domain.demo() or ()
                if verbose:
                    self.stdout.write(f"示范数据：{domain.name}")
        return accounts
