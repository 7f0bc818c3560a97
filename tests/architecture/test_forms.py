"""Wrong input into the forms of the demonstration city: a refusal in words, or an act of the one who sent it. Never a fault.

What is opened and sent is the same every time; HYPOTHESIS_PROFILE=long opens every page and puts every wrong value into
every field.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.db import transaction
from django.test import Client

from tests import city as demonstration
from tests.architecture.forms import WRONG, Page, place, send, walk
from tests.architecture.measured import city as city
from yiwang.cockpit.reports.models import Report
from yiwang.data.collection.models import Package
from yiwang.data.masters.models import GoldenRecord
from yiwang.kernel.ledger.models import Entry
from yiwang.kernel.people.models import Account

pytestmark = pytest.mark.django_db
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
# Most pages for each: of the officers, and of a citizen.
OFFICERS = (
    "manager", "dispatcher", "collector", "quality", "catalogue", "steward", "sharing", "opener", "keeper", "sysadmin", "secadmin",
    "appraiser", "chief",
)  # fmt: skip
PUBLIC = ("/public/hotline/", "/public/open/", "/sign-in/")
MOST, MOST_FIELDS = 1_000 if LONG else 12, 3
SENTENCE = re.compile("[一-鿿]{4}")
# What the framework says of itself when nobody has put it into words.
FOREIGN = re.compile(r">\s*(Enter a|Select a|Ensure |This field|Null characters|Traceback)")


def client_of(username: str) -> Client:
    made = Client(raise_request_exception=False)
    if username:
        made.force_login(Account.objects.get(username=username))
    return made


class Sender:
    """Sends every form once or, in the long run, as often as there are wrong values; keeps what was wrong with the answers."""

    def __init__(self) -> None:
        self.known, self.sent, self.pages, self.posts = set[str](), set[Any](), 0, 0
        self.problems: list[str] = []

    def visit(self, username: str, start: str) -> None:
        client, person = (
            client_of(username),
            Account.objects.filter(username=username).values_list("person", flat=True).first(),
        )
        for page in walk(client, start, self.known, MOST):
            self.pages += 1
            self.fill(client, person, username, page)

    def fill(self, client: Client, person: int | None, username: str, page: Page) -> None:
        for form in page.forms:
            key = (form.method, place(form.action), *sorted(form.sent()))
            if key in self.sent or not place(form.action):
                continue
            self.sent.add(key)
            for turn in range(len(WRONG)) if LONG else [len(self.sent)]:
                for field, kind, given in list(form.wrongly(turn))[: None if LONG else MOST_FIELDS]:
                    self.posts += 1
                    with transaction.atomic():
                        last = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
                        wrong = self.judge(send(client, form, given), person, last)
                        transaction.set_rollback(True)
                    if wrong:
                        self.problems.append(f"{username} {form.method} {form.action} {field}={kind}: {wrong}")

    def judge(self, answer: Any, person: int | None, last: int) -> str:
        if answer.status_code >= 500:
            return f"{answer.status_code} {self.fault!r}"
        if answer.status_code >= 400:
            said = answer.content.decode()
            found = FOREIGN.search(said)
            return found[0] if found else "" if SENTENCE.search(said) else f"{answer.status_code} without a sentence"
        others = Entry.objects.filter(pk__gt=last, person_id__isnull=False).exclude(person_id=person)
        return f"acted as {others[0].person_name}" if others else ""

    fault: BaseException | None = None

    def faulted(self, **about: Any) -> None:
        Sender.fault = sys.exc_info()[1]


def test_位数太多的号码_不在表单里的也不出错(city: None) -> None:
    """Longer than what the language reads as a number at all (4,300 digits)."""
    many, errors = "9" * 5_000, []
    golden, report = GoldenRecord.objects.filter(retired_at=None)[0], Report.objects.filter(state="draft")[0]
    package = Package.objects.latest("pk")
    for username, method, url, given in (
        ("sysadmin", "get", "/r/people.person/", {"size": many}),
        ("steward", "post", f"/masters/golden/{golden.pk}/", {"do": "split", "members": many, "reason": "核对"}),
        ("chief", "post", f"/reports/{report.pk}/", {"note": "说明", "version": many}),
        ("collector", "post", f"/collection/package/{package.pk}/mapping/", {f"column-{many}": "编号"}),
    ):
        answer = getattr(client_of(username), method)(url, given)
        if answer.status_code >= 500 or answer.status_code == 404:
            errors.append((username, url, answer.status_code))
    assert not errors


def test_坏输入得到一句话或本人能办的事_从不出错(city: None, tmp_path: Path, settings: Any) -> None:
    settings.VAR = tmp_path / "var"
    demonstration.files(settings.VAR)
    sender = Sender()
    got_request_exception.connect(sender.faulted)
    try:
        for username in OFFICERS:
            sender.visit(username, "/")
        for start in PUBLIC:
            sender.visit("", start)
    finally:
        got_request_exception.disconnect(sender.faulted)
    print(f"{sender.pages} pages, {len(sender.sent)} forms, {sender.posts} posts")  # noqa: T201 - what was covered
    assert not sender.problems, "\n".join(sender.problems)
    assert sender.pages >= 140 and len(sender.sent) >= 230 and sender.posts >= 450, (
        sender.pages,
        len(sender.sent),
        sender.posts,
    )
