"""A desk in memory, a studio of files in a folder, and the shipped templates."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from newsletter.domain.desk import Subscription
from newsletter.domain.finding import Finding, Severity
from newsletter.domain.revision import Media
from newsletter.domain.studio import Preview, PreviewEntry, persona
from newsletter.domain.subscriber import Subscriber
from newsletter.domain.tokens import Grant, Key, Purpose, TokenKeys
from newsletter.errors import Place, TemplateError, UnknownTarget

TEMPLATES = Path(__file__).parents[2] / "templates" / "web"
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
KEYS = TokenKeys([Key("a", b"s" * 32)])
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
MAIL = """<!doctype html><html lang="en-GB"><head><meta name="color-scheme" content="light dark">
<style>:root{color-scheme:light dark}body{margin:0;background:#f3f1ec;color:#1f2a2e;font:17px/27px sans-serif}
.card{max-width:600px;margin:0 auto;padding:32px;background:#fff}
@media (prefers-color-scheme: dark){body{background:#0f1315;color:#e8e6e1}.card{background:#14191b}}
@media (max-width:480px){.card{padding:20px}}</style></head>
<body><script>document.title = "it ran"</script>
<div class="card"><img src="/media/back.png" alt="a back"><h1>Lower back</h1>%s
<p><a href="https://example.org/book">Book a session</a></p>
</div></body></html>"""


class MemoryDesk:
    """Two subscriptions of one person, and a note of everything that changed something."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        self.active = {1: True, 2: True}
        self.acts: list[tuple[int, str]] = []
        self.now = NOW
        self.fails = False

    def look_up(self, token: str) -> Subscription | None:
        if self.fails:
            raise RuntimeError("the database is gone")
        grant = KEYS.verify(Purpose.UNSUBSCRIBE, token, self.now)
        if grant is None:
            return None
        return Subscription(
            "Back pain, week by week", "Back Care <Weekly>", "en-GB", self.active[grant.series_id]
        )

    def unsubscribe(self, token: str, how: str) -> Subscription | None:
        found = self.look_up(token)
        grant = KEYS.verify(Purpose.UNSUBSCRIBE, token, self.now)
        if found is None or grant is None:
            return None
        if self.active[grant.series_id]:
            self.active[grant.series_id] = False
            self.acts.append((grant.series_id, how))
        return replace(found, is_active=False)

    def leave_all(self, token: str) -> Subscription | None:
        for series_id in self.active:
            self.unsubscribe(leaving(series_id).removeprefix("/u/"), "page, all")
        return self.look_up(token)

    def undo(self, token: str) -> Subscription | None:
        return None

    def issue_page(self, token: str) -> str | None:
        return MAIL % "" if KEYS.verify(Purpose.VIEW, token, self.now) else None

    def media(self, name: str) -> Media | None:
        return Media(name, "image/png", PIXEL) if name == "back.png" else None

    def probe(self, token: str) -> bool:
        return KEYS.verify(Purpose.PROBE, token, self.now) is not None


def leaving(series_id: int = 1) -> str:
    """Make the path of an unsubscribe link."""
    return "/u/" + KEYS.sign(Purpose.UNSUBSCRIBE, Grant(series_id, 7))


class FolderStudio:
    """Every `*.txt` of a folder is an issue; one with `{{` in it and no `}}` is a broken template."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.people = [Subscriber("ada@example.org", "Ada")]
        self.sent: list[tuple[str, str]] = []

    def entries(self, *, judged: bool) -> Sequence[PreviewEntry]:
        return [
            PreviewEntry(
                target=f"back-pain/{path.stem}",
                series_title="Back pain, week by week",
                title=path.read_text().splitlines()[0],
                number=number,
                findings=path.read_text().count("FIXME") if judged else None,
                worst=Severity.ERROR if judged and "FIXME" in path.read_text() else None,
                error="broken" if judged and _broken_line(path.read_text()) else "",
            )
            for number, path in enumerate(sorted(self._folder.glob("*.txt")), start=1)
        ]

    def page(self, target: str, reader: str) -> Preview:
        path = self._folder / f"{target.rpartition('/')[2]}.txt"
        if not path.exists():
            raise UnknownTarget(f"no series or issue is called {target!r}")
        text = path.read_text()
        place = Place(f"content/{path.name}", _broken_line(text) or 0)
        if place.line:
            raise TemplateError("the field is not closed", place=place, mend="write }} behind it")
        paragraphs = "".join(f"<p>{line}</p>" for line in text.splitlines()[1:])
        findings = [
            Finding(
                "placeholder", Severity.ERROR, place, "a FIXME is left", "Readers would see it.", "finish it"
            )
        ] * text.count("FIXME")
        html = MAIL % paragraphs
        return Preview(
            target=target,
            reader=self._reader(reader),
            subject=text.splitlines()[0],
            sender="Back Care Weekly <weekly@news.example.org>",
            preheader="What helps.",
            due="Tuesday 1 December 2026, 09:00 in Europe/London",
            html=html,
            source=html,
            text=text,
            headers=[("Subject", text.splitlines()[0])],
            findings=findings,
        )

    def media(self, name: str) -> Media | None:
        return MemoryDesk().media(name)

    def readers(self) -> Sequence[Subscriber]:
        return self.people

    def send_test(self, target: str, address: str) -> str:
        self.sent.append((target, address))
        return f"outbox accepted the mail to {address}"

    def _reader(self, key: str) -> Subscriber:
        sample = persona(key)
        known = [sample.reader] if sample else [one for one in self.people if one.address == key]
        if not known:
            raise UnknownTarget(f"nobody has the address {key!r}")
        return known[0]


def _broken_line(text: str) -> int | None:
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, 1) if re.search(r"\{\{[^}]*$", line)), None)
