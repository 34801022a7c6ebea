"""Look at issues in Chromium: draw each in every model, measure it, ask axe-core, keep what it looks like."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newsletter.checks.axe import COLOURS_ALONE, OPTIONS, judge_axe
from newsletter.checks.chromium import axe_script, opened_browser
from newsletter.checks.drawn import LEAST_LUMINANCE, PHONES, Drawn, judge
from newsletter.checks.page import Seen
from newsletter.checks.sample import Sample
from newsletter.domain.finding import Finding
from newsletter.errors import Refused

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page, Route

DESK = 800
_HEIGHT = 900
_MAYBE_CLEAR = ("image/png", "image/gif")
_MEASURES = Path(__file__).with_name("drawn.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class InBrowser:
    """Look at issues in a browser; with `screenshots` what each model looks like is kept in that folder."""

    screenshots: Path | None = None

    def __call__(self, samples: Sequence[Sample]) -> Iterator[Finding]:
        """Yield what is found; raises Refused where there is no browser."""
        if not samples:
            return
        with opened_screen(self.screenshots) as screen:
            for sample in samples:
                yield from screen.look_at(sample)


@contextmanager
def opened_screen(screenshots: Path | None = None) -> Iterator["Screen"]:
    """Open the one page that issues are drawn on, one after the other."""
    script = f"{axe_script()};{_MEASURES}"
    with opened_browser() as browser:
        page = browser.new_page(viewport={"width": DESK, "height": _HEIGHT}, offline=True)
        # What a page has in its window outlives the documents that are written into it.
        page.evaluate(script)
        yield Screen(page, page.context.new_cdp_session(page), screenshots)


@dataclass(frozen=True)
class Screen:
    """A page of a browser that issues are drawn on, and where pictures of it go."""

    page: "Page"
    session: "CDPSession"
    folder: Path | None = None

    def look_at(self, sample: Sample) -> list[Finding]:
        """Draw one issue in every model and say what is wrong with it."""
        self.page.unroute_all()
        self.page.route("**/*", lambda route: _serve(route, sample))
        self.page.emulate_media(color_scheme="light")
        self.resize(DESK)
        self.page.set_content(sample.html)
        seen = _looked(self, sample)
        return [sample.found(one) for one in dict.fromkeys(seen)]

    def measure(self, name: str, *values: object) -> Any:
        """Call one of the measures of drawn.js."""
        return self.page.evaluate(f"values => window.drawn.{name}(...values)", list(values))

    def resize(self, width: int) -> None:
        """Make the screen as wide as that."""
        self.page.set_viewport_size({"width": width, "height": _HEIGHT})

    def axe(self, options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Ask axe-core for what it finds."""
        return list(self.page.evaluate(_ASK_AXE, options))

    def keep(self, sample: Sample, model: str) -> None:
        """Keep what it looks like on a phone and on a desk."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for width in (PHONES[-1], DESK):
                self.resize(width)
                self.page.screenshot(path=self.folder / f"{sample.name}-{width}-{model}.png", full_page=True)
        except OSError as error:
            mend = "name a folder for the screenshots that can be written to"
            raise Refused(f"{self.folder} cannot be written to: {error.strerror}", mend=mend) from error


_ASK_AXE = """
async options => (await axe.run(document, options)).violations.map(one => ({
  id: one.id, impact: one.impact, help: one.help, helpUrl: one.helpUrl,
  nodes: one.nodes.map(node => {
    const first = document.querySelector(node.target[0]);
    return { target: node.target, said: String(first?.innerText || first?.src || "").slice(0, 300) };
  }),
}))
"""


def _looked(screen: Screen, sample: Sample) -> list[Seen]:
    light = screen.measure("texts")
    violations = screen.axe(OPTIONS)
    screen.keep(sample, "light")
    screen.page.emulate_media(color_scheme="dark")
    dark, dark_violations = screen.measure("texts"), screen.axe(COLOURS_ALONE)
    screen.keep(sample, "dark")
    screen.page.emulate_media(color_scheme="light")
    excess = {}
    for width in PHONES:
        screen.resize(width)
        if found := screen.measure("excess"):
            excess[width] = found
    targets = screen.measure("targets")
    screen.resize(DESK)
    darkened = _darkened(screen, sample)
    screen.measure("dropPictures")
    bare = screen.measure("texts")
    screen.keep(sample, "without-pictures")
    seen = list(judge(Drawn(light, dark, darkened, bare, excess, targets, _cutouts(screen, sample))))
    known = sample.known | {one.rule.name for one in seen}
    return [
        *seen,
        *judge_axe(violations, known),
        *judge_axe(dark_violations, known, dark=True),
    ]


def _cutouts(screen: Screen, sample: Sample) -> list[dict[str, Any]]:
    # By their bytes: pixels of a picture that the page loaded from another host are not given out.
    pictures = [
        (one.name, one.content_type, base64.b64encode(one.data).decode("ascii"))
        for one in sample.media
        if one.content_type in _MAYBE_CLEAR
    ]
    return list(screen.measure("cutouts", pictures, LEAST_LUMINANCE))


def _darkened(screen: Screen, sample: Sample) -> list[dict[str, Any]]:
    """Let Chromium force dark colours upon it, and read them from the picture that it draws."""
    screen.measure("dropSchemes")
    texts = screen.measure("texts")
    screen.session.send("Emulation.setAutoDarkModeOverride", {"enabled": True})
    picture = base64.b64encode(screen.page.screenshot(full_page=True)).decode("ascii")
    screen.keep(sample, "darkened")
    screen.session.send("Emulation.setAutoDarkModeOverride", {"enabled": False})
    told = [one for one in texts if not one["alt"]]
    colours = screen.measure("pixels", picture, [one["boxes"] for one in told])
    return [{**one, **drawn} for one, drawn in zip(told, colours, strict=True)]


def _serve(route: "Route", sample: Sample) -> None:
    """Give a picture of the issue; nothing else is loaded."""
    name = route.request.url.rpartition("/")[2]
    media = next((one for one in sample.media if one.name == name), None)
    if media is None:
        route.abort()
    else:
        route.fulfill(body=media.data, content_type=media.content_type)
