"""Journeys in a real browser: a site of its own (database, server process), sign-in, screenshots, axe."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Response, sync_playwright

from tests import city
from tests.journeys.walking import Walker

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "var" / "journeys"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
DATABASE = f"yiwang_journey_{WORKER or 'alone'}"  # of this process
# Nobody types into the address bar: preparing its two suggestion pages for every window takes as long as the journey.
# The last list given counts, so what playwright turns off stays in it.
OFF = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding",
    "PreconnectToSearch", "ThirdPartyStoragePartitioning",
)  # fmt: skip
CHROMIUM = (
    f"--disable-features={','.join(OFF)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--lang=zh-CN",
)
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
START_SECONDS = 180.0


@dataclass(frozen=True)
class Site:
    """A running site. `accounts` of the demonstration city: (username, password, what it is)."""

    address: str
    accounts: list[tuple[str, str, str]]
    log: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.journey)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture(autouse=True)
def _append_only_tables_can_be_emptied() -> None:
    """Journeys touch the database only through the site, never through this process."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{address}/health/", timeout=2) as answer:  # noqa: S310 - our own server
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"no answer from {address}: {log.read_text()[-3000:]}")


@contextmanager
def _in_turn(temporary: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """The folder that the processes of a run share; what they make in it is made by the first and found by the others."""
    own = temporary.getbasetemp()
    shared = own.parent if WORKER else own
    with (shared / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole platform, served by granian, with a city of this process's own: what others do is not seen here."""
    var = tmp_path_factory.getbasetemp() / "site"
    city.copy(DATABASE, var)
    port, log = _free_port(), var / "server.log"
    address = f"http://127.0.0.1:{port}"
    accounts = [tuple(line) for line in json.loads((var / "demo-accounts.json").read_text())]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port",
             str(port), "--workers", "1", "--blocking-threads", "4", "yiwang.site.wsgi:application"],
            cwd=ROOT, env=city.environment(DATABASE, var), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        _await(address, server, log)
        yield Site(address, accounts, log)
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    # Package scope: playwright keeps an event loop running, under which Django refuses synchronous queries.
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = os.environ.get("YIWANG_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.skip("没有找到 Chromium：请安装，或用 YIWANG_CHROMIUM 指定其路径")
    launched = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
    yield launched
    launched.close()


@pytest.fixture
def open_page(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens pages, each with a browser context of its own; watches for script errors and failures of the server."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def answered(response: Response) -> None:
        if response.status >= 500:
            troubles.append(f"{response.status} {response.url}")

    def opened(width: int = 1280, height: int = 800, scheme: Any = "light") -> Page:
        context = browser.new_context(
            base_url=site.address, viewport={"width": width, "height": height}, color_scheme=scheme, locale="zh-CN",
            timezone_id="Asia/Shanghai", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
        page.on("response", answered)
        return page

    yield opened
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed:
        PICTURES.mkdir(parents=True, exist_ok=True)
        for index, page in enumerate(page for context in contexts for page in context.pages):
            page.screenshot(path=PICTURES / f"{request.node.name}-{index}.png", full_page=True)
    for context in contexts:
        context.close()
    assert not troubles, "\n".join([*troubles, site.log.read_text()[-3000:]])


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture(scope="package")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The axe-core source, fetched once with npm from the lock file."""
    with _in_turn(tmp_path_factory, "axe"):
        if not AXE.exists():
            npm = shutil.which("npm")
            if npm is None:
                pytest.skip("无障碍检查需要 axe-core：没有 npm，已跳过")
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"无障碍检查需要 axe-core：npm ci 没有成功，已跳过（{done.stderr.strip()[-200:]}）")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def accessible(axe: str) -> Callable[[Page], None]:
    """Asserts that axe finds nothing serious or critical on the page."""

    def check(page: Page) -> None:
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        bad = [
            f"{item['id']}: {item['help']} {[node['target'] for node in item['nodes'][:3]]} "
            f"{item['nodes'][0]['any'][0]['message'] if item['nodes'][0]['any'] else ''}"
            for item in found["violations"]
            if item["impact"] in ("serious", "critical")
        ]
        assert not bad, f"{page.url}\n" + "\n".join(bad)

    return check


@pytest.fixture
def walker(open_page: Callable[..., Page], accessible: Callable[[Page], None]) -> Callable[..., Walker]:
    """A person at a screen of his own, signed in when named."""

    def walk(username: str = "", width: int = 1280, height: int = 800) -> Walker:
        made = Walker(open_page(width, height), accessible)
        return made.sign_in(username) if username else made

    return walk
