"""Builders: an issue with every kind of block, and a renderer of the shipped templates."""

from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path

from newsletter.domain.blocks import (
    Block,
    BulletedList,
    Button,
    Callout,
    Code,
    Divider,
    Heading,
    Html,
    Image,
    Inline,
    NumberedList,
    Paragraph,
    Question,
    Quote,
    Table,
)
from newsletter.domain.cadence import Cadence
from newsletter.domain.letter import Composition, Publication
from newsletter.domain.pieces import Field, fence
from newsletter.domain.revision import Revision
from newsletter.domain.series import Issue, Series
from newsletter.errors import Place
from newsletter.rendering.renderer import Renderer

SHIPPED = Path(__file__).parents[2] / "templates" / "email"
HERE = Place("content/articles/garden.md", 7)
PUBLICATION = Publication(
    "The Kitchen Garden",
    "https://news.example.org",
    "Garden House, 1 High Street, Exampletown EX1 1EX",
    "en-GB",
)


def issue(name: str, subject: str) -> Issue:
    preheader = f"What to sow, what to leave alone, and one small job for a dry hour: {subject.lower()}."
    return Issue(name, subject, preheader, (), Place("content/series/garden.toml", 9))


ISSUES = (
    issue("soil", "Soil: what it tells you"),
    issue("seeds", "Seeds: how deep, how early"),
    issue("water", "Water: less, and later"),
    issue("harvest", "Harvest: when to stop waiting"),
)
SERIES = Series(
    slug="garden",
    title="Four weeks in the garden",
    sender="The Kitchen Garden <weekly@news.example.org>",
    reply_to="editors@news.example.org",
    cadence=Cadence(1, time(9), "Europe/London", date(2026, 12, 1)),
    hold_if_late_by=timedelta(hours=6),
    issues=ISSUES,
    leave_out=(),
    place=Place("content/series/garden.toml"),
)


def composition(*blocks: Block, position: int = 2) -> Composition:
    following = ISSUES[position] if position < len(ISSUES) else None
    return Composition(PUBLICATION, SERIES, ISSUES[position - 1], position, (blocks,), following)


def about(publication: Publication, *blocks: Block) -> Composition:
    return replace(composition(*blocks), publication=publication)


SHARED = Renderer(None, SHIPPED)


def renderer(own: Path | None = None) -> Renderer:
    return Renderer(own, SHIPPED) if own else SHARED


def same(text: str) -> Inline:
    return Inline(text, text)


def paragraph(text: str = "Rake the bed level and firm it with the back of the rake.") -> Paragraph:
    return Paragraph(same(text), HERE)


def heading(text: str, level: int = 2) -> Heading:
    return Heading(same(text), level, HERE)


def items(*texts: str) -> tuple[tuple[Block, ...], ...]:
    return tuple((paragraph(text),) for text in texts)


def every_kind() -> tuple[Block, ...]:
    """One block of each kind, some inside others."""
    plan = Inline(
        'Rows run <strong>north</strong>, as <a href="https://example.org/rows">this plan</a> shows.',
        "Rows run north, as this plan <https://example.org/rows> shows.",
    )
    kinds = BulletedList(items("early", "late"), HERE)
    fleece = BulletedList(items("Keep fleece at hand."), HERE)
    return (
        Paragraph(plan, HERE),
        Image("images/bed.jpg", "A raised bed in April", HERE, "https://example.org/b.jpg", 1200, 640),
        heading("Sowing in four steps"),
        NumberedList(
            items(
                "Draw a drill as deep as the seed is wide, or twice that.",
                "Water the drill, not the seed.",
                "Sow thinly, cover, and firm the soil with the flat of your hand.",
                "Label the row at once.",
            ),
            HERE,
        ),
        BulletedList(((paragraph("Peas"), kinds), (paragraph("Beans"),)), HERE),
        heading("How deep", 3),
        Table(
            (same("Seed"), same("Depth")),
            (
                (same("Carrot"), same("1 cm, and never let the soil dry out before you see green")),
                (same("Broad bean"), same("5 cm")),
            ),
            ("left", "left"),
            HERE,
        ),
        Quote((paragraph("A row is a promise you make to July."),), HERE),
        Callout("warning", (paragraph("Frost can still come in May."), fleece), HERE),
        Callout("note", (paragraph("Dates are for the south of England."),), HERE),
        Code("sow --depth 2cm --rows 4", HERE),
        Html(Inline("<p>Made by <em>hand</em>.</p>", "Made by hand."), HERE),
        Divider(HERE),
        Question(same("Can I sow in pots?"), 2, (paragraph("Yes, in anything that drains."),), HERE),
        Question(same("Must I thin the rows?"), 2, (paragraph("Carrots, yes. Peas, no."),), HERE),
        Button("Order seeds", "https://example.org/seeds", HERE),
    )


def html_of(revision: Revision) -> str:
    return "".join(fence(piece) if isinstance(piece, Field) else piece for piece in revision.html)


def text_of(revision: Revision) -> str:
    return "".join(fence(piece) if isinstance(piece, Field) else piece for piece in revision.text)
