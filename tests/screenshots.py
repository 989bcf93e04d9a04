"""Photographs every page of a running Attune, light and dark, desktop and phone.

Run by hand beside `make up`: `python tests/screenshots.py`. Signs in with var/demo.json and writes
docs/screenshots/<page>-<width>-<theme>.png. Needs Chromium and the demo data.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "screenshots"
WIDTHS = {1440: 900, 390: 844}
THEMES = ("light", "dark")
PAGES = {
    "overview": "/",
    "data": "/data/",
    "consent": "/consent/",
    "notices": "/consent/notices/",
    "quality": "/data/quality/",
    "schema": "/data/schema/",
    "models": "/models/",
    "compare": "/models/compare/",
    "groups": "/models/groups/",
    "try": "/try/",
    "rights": "/rights/",
    "lineage": "/lineage/",
    "audit": "/audit/",
    "exports": "/exports/",
    "members": "/members/",
    "keys": "/keys/",
    "fleet": "/fleet/",
    "usage": "/usage/",
    "settings": "/settings/",
    "api": "/api/",
    "design": "/design/",
}
REQUEST = "tbody a[href*='/rights/']"
# Pages about one object: where the first link to one stands, which way it goes from page to page,
# and what follows in its address.
LINKS = {
    "upload": ("/data/", ("a[href*='/data/uploads/']",), ""),
    "job": ("/models/", ("a[href*='/models/jobs/']",), ""),
    "version": ("/models/", ("a[href*='/models/versions/']",), ""),
    "card": ("/models/", ("a[href*='/models/versions/']",), "card/"),
    "request": ("/rights/", (REQUEST,), ""),
    "erasure": ("/rights/", (f"{REQUEST}:has-text('Be erased')", "a[href*='/erasures/']"), ""),
}
# Pages that show something once they are asked for a person, and what shows that they have.
ASKED = {"try": ".ranked", "lineage": "#snapshots"}
TALLEST = 1800
SUBJECT = "13085"


def main(address: str, notes: Path) -> None:
    """Take every picture anew."""
    demo = json.loads(notes.read_text())
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for theme in THEMES:
            for width in WIDTHS:
                photograph(browser, address, demo, width, theme)
        browser.close()


def photograph(
    browser: Browser, address: str, demo: dict[str, str], width: int, theme: str
) -> None:
    """All pages at one width in one theme."""
    page = browser.new_page(
        viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme, locale="en-GB"
    )
    page.goto(f"{address}/accounts/login/")
    take(page, "sign-in", width, theme)
    page.locator("#id_login").fill(demo["email"])
    page.locator("#id_password").fill(demo["password"])
    page.locator("#id_password").press("Enter")
    page.wait_for_url(f"{address}/")
    for name, path in found(page, address):
        page.goto(f"{address}{path}")
        if name in ASKED:
            page.locator("#id_user_id").fill(SUBJECT)
            page.locator("#id_user_id").press("Enter")
            page.wait_for_selector(ASKED[name])
        take(page, name, width, theme)
    page.close()


def found(page: Page, address: str) -> Iterator[tuple[str, str]]:
    """Every page by name, with its path; what there is none of yet is said to be left out."""
    yield from PAGES.items()
    for name, (path, links, further) in LINKS.items():
        for link in links:
            page.goto(f"{address}{path}")
            first = page.locator(link).first
            if not first.count():
                print(f"{name}: there is none, so no picture was taken")
                break
            path = first.get_attribute("href") or path
        else:
            yield name, path + further


def take(page: Page, name: str, width: int, theme: str) -> None:
    """The whole page: the window grows to its height, so that what sticks to it stays in place."""
    page.wait_for_function("!document.querySelector('[data-chart]:not([data-drawn])')")
    height = int(page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": width, "height": min(max(height, WIDTHS[width]), TALLEST)})
    page.wait_for_timeout(300)  # charts follow the window
    page.screenshot(path=FOLDER / f"{name}-{width}-{theme}.png")
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        given[0] if given else "http://127.0.0.1:8000",
        Path(given[1]) if len(given) > 1 else ROOT / "var" / "demo.json",
    )
