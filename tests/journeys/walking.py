"""Officers and citizens of the demonstration city, each at a screen of his own."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from yiwang.site.demo_city import PASSWORD

# Pages already looked at with axe in this run: the same page of another record has the same structure.
_looked: set[tuple[str, int]] = set()


def sign_in(page: Page, username: str, password: str) -> None:
    """Sign in as a person would; leaves the page where the platform leads."""
    page.goto("/sign-in/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)


def no_sideways_scroll(page: Page) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} 横向溢出 {wide} 像素"


def settled(form: Locator) -> Locator:
    """The form once htmx has taken it over; what is typed earlier starts no search."""
    expect(form).to_be_visible()
    expect(form).not_to_have_class(re.compile("htmx-added"))
    return form


class Walker:
    """Goes from page to page; each kind of page is checked for accessibility and sideways scrolling."""

    def __init__(self, page: Page, accessible: Callable[[Page], None]) -> None:
        self.page = page
        self.accessible = accessible

    def sign_in(self, username: str, password: str = PASSWORD) -> "Walker":
        sign_in(self.page, username, password)
        return self

    def go(self, address: str) -> "Walker":
        answer = self.page.goto(address)
        assert answer is not None and answer.status < 400, f"{address} {answer and answer.status}"
        self.look()
        return self

    def look(self) -> None:
        self.page.wait_for_load_state()
        no_sideways_scroll(self.page)
        kind = re.sub(r"\d+", "0", urlsplit(self.page.url).path)
        width = (self.page.viewport_size or {"width": 0})["width"]
        if (kind, width) not in _looked:
            _looked.add((kind, width))
            self.accessible(self.page)

    def sees(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def sees_nothing_of(self, text: str) -> None:
        expect(self.page.locator("main")).not_to_contain_text(text)

    def refused(self, address: str, sentence: str) -> None:
        """The address answers with an error page that says why."""
        answer = self.page.goto(address)
        assert answer is not None and answer.status in (403, 404), f"{address} {answer and answer.status}"
        self.sees(sentence)

    def waiting(self, title: str) -> "Walker":
        """Open what waits in 待办 under that title."""
        return self.opened("/inbox/todo/", title)

    def opened(self, address: str, title: str) -> "Walker":
        """Open the case listed at an address under that title."""
        self.go(address)
        self.page.get_by_role("link", name=title).first.click()
        self.page.wait_for_url("**/cases/*/")
        self.look()
        return self

    def offered(self, name: str) -> Locator:
        return self.page.locator(".actions-bar").get_by_role("link", name=name, exact=True)

    def act(
        self, name: str, fields: Mapping[str, str | bool] | None = None, *, opinion: str = "", to: str = ""
    ) -> None:
        """Do one of the offered actions; `to` is picked in the first picker of its form."""
        self.offered(name).click()
        form = settled(self.page.locator("#act-form form"))
        expect(form.get_by_role("heading", name=name, exact=True)).to_be_visible()
        self.look_at_form()
        if to:
            self.pick(form, to)
        for label, value in (fields or {}).items():
            if isinstance(value, bool):
                group = form.get_by_role("group", name=label)
                group.get_by_role("radio", name="是" if value else "否", exact=True).check()
                continue
            option = form.get_by_role("radio", name=str(value), exact=True)
            if option.count():
                option.check()
                continue
            field = form.get_by_label(re.compile(rf"^\s*{label}\*?$"))
            field.fill(value)
        if opinion:
            form.get_by_label(re.compile(r"^意见\*?$")).fill(opinion)
        asks = form.get_attribute("data-confirm")  # read before the click: a form that does not ask is gone after it
        form.locator("button.button-primary").click()
        if asks:
            self.page.locator("#confirm-yes").click()
        expect(self.page.get_by_text("已提交，记入第")).to_be_visible()

    def look_at_form(self) -> None:
        no_sideways_scroll(self.page)

    def pick(self, form: Locator, text: str) -> None:
        form.locator("input[type=search]").first.fill(text)
        form.locator(".picker-list button").filter(has_text=text).first.click()
        expect(form.locator(".picker-list button")).to_have_count(0)

    @property
    def number(self) -> str:
        return self.page.locator(".case-head .number").first.inner_text()
