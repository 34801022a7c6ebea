"""What templates see of an issue. Exactly this is hashed, so nothing that shows can change unnoticed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from newsletter.domain.blocks import Block
from newsletter.domain.letter import Composition, Publication
from newsletter.domain.pieces import fence_written
from newsletter.domain.series import Issue
from newsletter.errors import Place
from newsletter.rendering.tokens import Literal


@dataclass(frozen=True)
class SeenSeries:
    """A series in a template; `weekday` is a name such as Tuesday."""

    slug: str
    title: str
    sender: str
    reply_to: str
    weekday: str


@dataclass(frozen=True)
class SeenIssue:
    """An issue in a template; fields stand fenced in its texts."""

    id: str
    subject: str
    preheader: str
    heading: str


@dataclass(frozen=True)
class Seen:
    """Everything that templates can name besides the theme; `start` is the side where lines begin."""

    publication: Publication
    series: SeenSeries
    issue: SeenIssue
    next_issue: SeenIssue | None
    position: int
    total: int
    sections: tuple[tuple[Block, ...], ...]
    direction: str
    start: str
    end: str

    def values(self) -> Mapping[str, Any]:
        """Return the names a template uses and their values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def digest(self, templates: str) -> str:
        """Name what an issue is made from; line numbers and folders play no part."""
        dumped = json.dumps([templates, _canonical(self)], ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(dumped.encode()).hexdigest()


def see(composition: Composition) -> Seen:
    """Take from a composition what its email is made of."""
    series = composition.series
    is_reversed = composition.publication.direction == "rtl"
    return Seen(
        publication=composition.publication,
        series=SeenSeries(
            series.slug, series.title, series.sender, series.reply_to, series.cadence.weekday_name
        ),
        issue=_issue(composition.issue),
        next_issue=_issue(composition.next_issue) if composition.next_issue else None,
        position=composition.position,
        total=composition.total,
        sections=composition.blocks,
        # Not content: MJML itself decides by them, so no token may stand in their place.
        direction=Literal("rtl" if is_reversed else "ltr"),
        start=Literal("right" if is_reversed else "left"),
        end=Literal("left" if is_reversed else "right"),
    )


def _issue(issue: Issue) -> SeenIssue:
    return SeenIssue(
        id=issue.id,
        subject=fence_written(issue.subject),
        preheader=fence_written(issue.preheader),
        heading=fence_written(issue.heading),
    )


def _canonical(value: Any) -> Any:
    if is_dataclass(value):
        kept = [(field.name, getattr(value, field.name)) for field in fields(value)]
        parts = {name: _canonical(part) for name, part in kept if not isinstance(part, Place)}
        return {"": type(value).__name__, **parts}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_canonical(part) for part in value]
    return value.value if isinstance(value, Enum) else value
