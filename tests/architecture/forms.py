"""Forms as a browser sees them, and what people, scripts and mischief put into them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit

from django.http import HttpResponse
from django.test import Client
from django.urls import Resolver404, resolve

WRONG = {
    "empty": "", "NUL": "甲\x00乙", "long": "长" * 10_000, "last day": "9999-12-31", "no day": "0000-00-00", "full width": "２０２６",
    "superscript": "²", "negative": "-1", "exponent": "1E5", "surrogate": "\ud800", "no choice": "no-such-choice",
    "another's key": "1", "no key": "999999999999999999", "many digits": "9" * 5_000,
}  # fmt: skip
# Leaving, and what would wait for another program.
LEFT_OUT = re.compile(r"^/(sign-out|account/sessions|oidc|health|static)")
WRITING = re.compile(r"/(new|change|act|bulk)/")


@dataclass
class Form:
    """Where it goes, what it would send as it stands, and the buttons that send it, of which one is pressed."""

    action: str
    method: str = "post"
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def sent(self) -> dict[str, list[str]]:
        pressed = {name: [value] for name, value in self.buttons[:1]}
        return {**self.fields, **pressed}

    def wrongly(self, turn: int) -> Iterator[tuple[str, str, dict[str, list[str]]]]:
        """(field, what is wrong, what is sent): one wrong value for each field, the next one for the next field."""
        kinds = list(WRONG)
        names = sorted(set(self.sent()) - {"csrfmiddlewaretoken"})
        for place, name in enumerate(names):
            kind = kinds[(turn + place) % len(kinds)]
            yield name, kind, {**self.sent(), name: [WRONG[kind]]}


class Page(HTMLParser):
    """Links and forms of a page."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address, self.links, self.forms = address, list[str](), list[Form]()
        self._form: Form | None = None
        self._list, self._text = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "a" and "href" in given:
            self.links.append(urldefrag(urljoin(self.address, given["href"]))[0])
        elif tag == "form":
            method = given.get("method", "get").lower()
            self._form = Form(urljoin(self.address, given.get("action") or self.address), method)
            self.forms.append(self._form)
        elif self._form is not None:
            self._inside(tag, given, given.get("name", ""))

    def _inside(self, tag: str, given: dict[str, str], name: str) -> None:
        assert self._form is not None
        kind, value = given.get("type", "text"), given.get("value", "")
        if tag == "select" and name:
            self._list = name
            self._form.fields.setdefault(name, [])
        elif tag == "option" and self._list and ("selected" in given or not self._form.fields[self._list]):
            self._form.fields[self._list] = [value]
        elif tag == "button" and name:
            self._form.buttons.append((name, value))
        elif tag == "textarea" and name:
            self._form.fields[name] = [""]
        elif tag == "input" and name and kind in ("checkbox", "radio"):
            self._form.fields.setdefault(name, [])
            if "checked" in given or not self._form.fields[name]:
                self._form.fields[name] = [value or "on"]
        elif tag == "input" and name and kind not in ("file", "submit"):
            self._form.fields[name] = [value]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._list = ""


def place(url: str) -> str:
    """What kind of page an address is: the route with the register and the action, not the record."""
    try:
        match = resolve(urlsplit(url).path)
    except Resolver404:
        return ""
    named = [str(value) for value in match.kwargs.values() if not str(value).isdigit() and len(str(value)) < 36]
    return " ".join([match.route, getattr(match.func, "code", ""), *named])


def send(client: Client, form: Form, sent: dict[str, list[str]]) -> HttpResponse:
    """As a script would send it, surrogates and all."""
    body = urlencode(sent, doseq=True, errors="surrogatepass")
    if form.method == "get":
        return client.get(f"{urlsplit(form.action).path}?{body}")  # type: ignore[return-value]
    return client.generic("POST", form.action, body, content_type="application/x-www-form-urlencoded")  # type: ignore[return-value]


def walk(client: Client, start: str, known: set[str], most: int) -> Iterator[Page]:
    """Up to `most` pages reached by links from `start`, one of each kind that is not in `known` yet; those for writing first."""
    waiting, again = [start], start
    while waiting and most:
        waiting.sort(key=lambda link: WRITING.search(link) is None)
        url = waiting.pop(0)
        kind = place(url)
        if urlsplit(url).netloc or not kind or LEFT_OUT.match(urlsplit(url).path) or (kind in known and url != again):
            continue
        again = ""
        known.add(kind)
        answer = client.get(url)
        if answer.status_code != 200 or answer.streaming or "html" not in answer.headers.get("Content-Type", ""):
            continue
        most -= 1
        page = Page(url, answer.content.decode())
        yield page
        waiting += page.links
