"""The pictures of the guides: `python -m benchmarks.pictures [--to docs/guide/pictures]` makes a demo and photographs its pages.

Every page that a guide shows, in Chinese and in English, by chromium: at 1366 × 768, those of retailers on a phone as well. The demo is
made in a temporary folder, or kept in that of `--demo`, so that it need not be made twice. `--only order,why` takes some of the pictures.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from benchmarks import pictured_city
from benchmarks.pictured_city import City
from benchmarks.pictured_pages import PICTURES, Picture
from ordering import settings_sources
from ordering.accounts import Role
from tests.browser.visitors import CHROMIUM, Site, Visitor, launched, listening
from web.app import app_of

PLACE = Path(__file__).resolve().parents[1] / "docs" / "guide" / "pictures"
SCREEN, PHONE = (1366, 768), (390, 844)
COLOURS = 64
TO_THE_TOP = "one => { one.style.scrollMarginTop = parseFloat(getComputedStyle(one).scrollMarginTop) ? '' : '12px'; one.scrollIntoView(); }"
SETTLED_MS = 350
"""For what is drawn after the network is silent: charts, transitions."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=PLACE, help="folder (default: docs/guide/pictures)")
    parser.add_argument("--demo", type=Path, help="folder in which the demo is kept, or lies already")
    parser.add_argument("--only", help="names of pictures, joined by commas")
    told = parser.parse_args(arguments)
    if not CHROMIUM:
        parser.exit(0, "no chromium here, so the pictures stay as they are: apt-get install chromium\n")
    only = set(told.only.split(",")) if told.only else {picture.name for picture in PICTURES}
    with tempfile.TemporaryDirectory(prefix="trueorder-pictures-") as name, launched() as browser:
        made = told.demo or Path(name) / "made"
        made.mkdir(parents=True, exist_ok=True)
        pictured_city.make(made)
        for language in ("zh", "en"):
            shutil.copytree(made, Path(name) / language)
            with standing(Path(name) / language, language) as (city, site):
                for file in taken(browser, city, site, language, told.to / language, only):
                    print(f"{file} {file.stat().st_size // 1024} KB", flush=True)


@contextmanager
def standing(folder: Path, language: str) -> Iterator[tuple[City, Site]]:
    """The demo of a folder, furnished in a language and served at its hour."""
    city = pictured_city.opened(folder)
    pictured_city.furnish(city, language)
    history = folder / pictured_city.HISTORY
    app = app_of(city.db, city.rules, history=history, clock=lambda: city.at, sources=settings_sources.listed())
    with pictured_city.clock_at(city.at), listening(app) as address:
        yield city, Site(address, city.db, city.people, city.week, app)
    city.db.engine.dispose()


def taken(browser: Browser, city: City, site: Site, language: str, folder: Path, only: set[str]) -> Iterator[Path]:
    """Takes the pictures of a language one after the other; gives their files."""
    folder.mkdir(parents=True, exist_ok=True)
    known = values(city)
    people: dict[tuple[Role | None, str], Visitor] = {}
    for picture in PICTURES:
        for suffix, size in {"": SCREEN, "-phone": PHONE}.items() if picture.name in only else ():
            if suffix and not picture.phone:
                continue
            if (picture.role, suffix) not in people:
                people[picture.role, suffix] = arrived(browser, site, language, picture.role, size)
            visitor = people[picture.role, suffix]
            yield snapped(visitor, picture, known, folder / f"{picture.name}{suffix}.png")
            if visitor.complaints:
                raise RuntimeError(f"{picture.name}, {language}: {visitor.complaints}")
    for visitor in people.values():
        visitor.page.context.close()


def arrived(browser: Browser, site: Site, language: str, role: Role | None, size: tuple[int, int]) -> Visitor:
    """Somebody of a role before a screen, logged in."""
    visitor = Visitor.begin(browser, site, language, width=size[0], height=size[1])
    if role is not None:
        visitor.log_in(role)
    return visitor


def values(city: City) -> Mapping[str, str]:
    """What the paths name."""
    people, last = city.people, city.week - timedelta(weeks=1)
    return {
        "shop": people[Role.RETAILER], "manager": people[Role.ACCOUNT_MANAGER], "headquarters": people[Role.HEADQUARTERS],
        "flagged": pictured_city.flagged(city), "brand": pictured_city.short_brand(city), "last": last.isoformat(),
    }  # fmt: skip


def snapped(visitor: Visitor, picture: Picture, known: Mapping[str, str], file: Path) -> Path:
    """Takes a picture and stores it with few colours."""
    page = visitor.page
    visitor.go(picture.path.format(**known))
    page.wait_for_load_state("networkidle")
    picture.before(page)
    page.wait_for_load_state("networkidle")
    if picture.top:
        page.locator(picture.top).first.evaluate(TO_THE_TOP)
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLED_MS)
    page.evaluate("document.querySelectorAll('.tabulator-tooltip').forEach((one) => one.remove())")
    shot = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    shot.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    return file


if __name__ == "__main__":
    main()
