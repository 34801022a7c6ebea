"""Show issues as subscribers will get them: as files, in the terminal, on the preview page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path

from newsletter.content.letters import write_texts
from newsletter.domain.desk import Preview, PreviewEntry
from newsletter.domain.message import Recipient, message_of
from newsletter.domain.pieces import fill, plain
from newsletter.domain.revision import Media
from newsletter.errors import NewsletterError, UnknownTarget
from newsletter.pipeline.composing import Composed, Composing
from newsletter.providers.mime import compile_mime

#: Links of a preview lead nowhere: nobody can be unsubscribed by looking.
_NOWHERE = "https://preview.invalid"


@dataclass(frozen=True)
class Reader:
    """Whom a preview is made out to."""

    address: str = "reader@example.org"
    name: str = ""


@dataclass(frozen=True)
class Previewing:
    """Render issues for looking at."""

    composing: Composing
    reader: Reader = Reader()
    pictures: dict[str, Media] = field(default_factory=dict)

    def targets(self) -> Sequence[PreviewEntry]:
        """List every issue of every series, in order."""
        letter = self.composing.letter()
        entries = []
        for series, issue in self.composing.issues(letter, None):
            findings, error = 0, None
            try:
                findings = len(self.composing.compose(letter, series, issue).findings)
            except NewsletterError as caught:
                error = str(caught)
            number = series.issues.index(issue) + 1
            entries.append(
                PreviewEntry(
                    f"{series.slug}/{issue.id}",
                    series.title,
                    issue.heading,
                    issue.subject,
                    issue.preheader,
                    number,
                    findings,
                    error,
                )
            )
        return entries

    def first(self, target: str | None) -> str:
        """Return the issue that a TARGET begins with."""
        one = self._composed(target)[0]
        return one.target

    def page(self, target: str) -> Preview:
        """Render one issue for the preview page."""
        composed = self._composed(target)[0]
        html = self._html(composed)
        self.pictures.update({picture.name: picture for picture in composed.media})
        return Preview(
            subject=fill(composed.revision.subject, self._values),
            sender=composed.revision.sender,
            preheader=composed.revision.preheader,
            html=html.replace(f"{self.composing.publication.public_url}/media/", "/media/"),
            text=fill(composed.revision.text, self._values),
            size=len(html.encode()),
            findings=composed.findings,
        )

    def media(self, name: str) -> Media | None:
        """Find a picture that a page names."""
        return self.pictures.get(name)

    def text(self, target: str | None) -> str:
        """Return issues as the terminal shows them."""
        parts = []
        for one in self._composed(target):
            revision = one.revision
            head = [f"From: {revision.sender}", f"Subject: {fill(revision.subject, self._values)}"]
            parts.append("\n".join([*head, "", fill(revision.text, self._values).rstrip(), ""]))
        return "\n\n".join(parts)

    def write(self, target: str | None, folder: Path, now: datetime) -> list[Path]:
        """Write each issue as .html, .txt and .eml, its pictures, and an index; return the files."""
        composed = self._composed(target)
        texts: dict[Path, str] = {}
        for one in composed:
            name = f"{one.series.slug}-{one.issue.id}"
            html = self._html(one).replace(f"{self.composing.publication.public_url}/media/", "media/")
            texts[folder / f"{name}.html"] = html
            texts[folder / f"{name}.txt"] = fill(one.revision.text, self._values)
            texts[folder / f"{name}.eml"] = self._eml(one, now)
        texts[folder / "index.html"] = _index(composed)
        write_texts(folder, texts)
        for picture in {picture.name: picture for one in composed for picture in one.media}.values():
            file = folder / "media" / picture.name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(picture.data)
        return sorted(texts)

    def _composed(self, target: str | None) -> list[Composed]:
        letter = self.composing.letter()
        wanted = self.composing.issues(letter, target)
        if not wanted:
            raise UnknownTarget(
                "the letter has no issue yet", mend="draft a series: newsletter split ARTICLE"
            )
        return [self.composing.compose(letter, series, issue) for series, issue in wanted]

    def _html(self, one: Composed) -> str:
        return fill(one.revision.html, self._values, escape)

    def _eml(self, one: Composed, now: datetime) -> str:
        series, title = one.series.slug, one.series.title
        message = message_of(
            one.revision, series=series, series_title=title, issue=one.issue.id, kind="preview"
        )
        recipient = Recipient(
            pos=0,
            subscriber_id=0,
            message_id=f"<preview.{one.revision.hash[:16]}@preview.invalid>",
            **{**self._values, "address": self.reader.address},
        )
        return b"".join(next(compile_mime(message)(now)([recipient]))).decode("ascii")

    @property
    def _values(self) -> dict[str, str]:
        return {
            "name": self.reader.name,
            "address": self.reader.address,
            "unsubscribe_url": f"{_NOWHERE}/unsubscribe",
            "view_url": f"{_NOWHERE}/view",
            "preferences_url": f"{_NOWHERE}/preferences",
        }


def _index(composed: Sequence[Composed]) -> str:
    rows = "".join(
        f"<li><a href='{one.series.slug}-{one.issue.id}.html'>{escape(plain(one.revision.subject))}</a> "
        f"<small>{escape(one.series.title)} · {one.series.issues.index(one.issue) + 1} of "
        f"{len(one.series.issues)} · <a href='{one.series.slug}-{one.issue.id}.txt'>text</a> · "
        f"<a href='{one.series.slug}-{one.issue.id}.eml'>eml</a></small></li>"
        for one in composed
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Preview</title>"
        "<meta name='viewport' content='width=device-width'><style>body{max-width:40rem;margin:3rem auto;"
        "padding:0 1rem;font:17px/1.6 system-ui,sans-serif;color:#1f2a2e;background:#f3f1ec}"
        "li{margin:.8rem 0}a{color:#0b6b62}small{display:block;color:#52606b}"
        "@media(prefers-color-scheme:dark){body{color:#e8e6e1;background:#0f1315}a{color:#6fd3c4}"
        f"small{{color:#a9b3b8}}}}</style><h1>Preview</h1><ol>{rows}</ol></html>\n"
    )
