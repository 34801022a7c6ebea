"""Show issues as subscribers will get them: as files, the same for the same letter, or in the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from newsletter.content.letters import write_texts
from newsletter.domain.pieces import plain
from newsletter.domain.studio import PERSONAS
from newsletter.domain.subscriber import Subscriber
from newsletter.errors import UnknownTarget
from newsletter.pipeline.composing import Composed, Composing
from newsletter.pipeline.sample import Sample


@dataclass(frozen=True)
class Previewing:
    """Render issues for looking at."""

    composing: Composing
    reader: Subscriber = PERSONAS[0].reader

    def first(self, target: str | None) -> str:
        """Return the issue that a TARGET begins with."""
        series, issue = self.composing.issues(self.composing.letter(), target)[0]
        return f"{series.slug}/{issue.id}"

    def text(self, target: str | None) -> str:
        """Return issues as the terminal shows them."""
        parts = []
        for one in self._samples(target):
            head = [f"From: {one.one.revision.sender}", f"Subject: {one.subject}"]
            parts.append("\n".join([*head, "", one.text.rstrip(), ""]))
        return "\n\n".join(parts)

    def write(self, target: str | None, folder: Path) -> list[Path]:
        """Write each issue as .html, .txt and .eml, its pictures, and an index; return the files."""
        samples = self._samples(target)
        texts: dict[Path, str] = {}
        for sample in samples:
            name = _name(sample.one)
            html = sample.html.replace(f"{self.composing.publication.public_url}/media/", "media/")
            texts[folder / f"{name}.html"] = html
            texts[folder / f"{name}.txt"] = sample.text
            texts[folder / f"{name}.eml"] = sample.message.decode("ascii")
        composed = [sample.one for sample in samples]
        texts[folder / "index.html"] = _index(composed)
        write_texts(folder, texts)
        for picture in {picture.name: picture for one in composed for picture in one.media}.values():
            file = folder / "media" / picture.name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(picture.data)
        return sorted(texts)

    def _samples(self, target: str | None) -> list[Sample]:
        letter = self.composing.letter()
        wanted = self.composing.issues(letter, target)
        if not wanted:
            raise UnknownTarget(
                "the letter has no issue yet", mend="draft a series: newsletter split ARTICLE"
            )
        return [Sample(self.composing.compose(letter, *one), self.reader) for one in wanted]


def _name(one: Composed) -> str:
    return f"{one.series.slug}-{one.issue.id}"


def _index(composed: Sequence[Composed]) -> str:
    rows = "".join(
        f"<li><a href='{_name(one)}.html'>{escape(plain(one.revision.subject))}</a> "
        f"<small>{escape(one.series.title)} · {one.series.issues.index(one.issue) + 1} of "
        f"{len(one.series.issues)} · <a href='{_name(one)}.txt'>text</a> · "
        f"<a href='{_name(one)}.eml'>eml</a></small></li>"
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
