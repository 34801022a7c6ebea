"""The MJML that the shipped templates write for issues of every kind, before it is compiled."""

import re
from collections.abc import Mapping
from dataclasses import replace

from rendering_cast import PUBLICATION, about, composition, every_kind, paragraph, renderer

from newsletter.domain.letter import Composition

_LONG = re.compile("@@h[0-9a-f]{400,}@@")


def skeletons() -> Mapping[str, str]:
    """Return the skeletons by their names."""
    return {name: skeleton(issue) for name, issue in _issues().items()}


def skeleton(issue: Composition) -> str:
    """Return what the templates write for an issue, without the long style sheet, which no compiler reads."""
    return _LONG.sub("@@h2f2a2a2f@@", renderer().skeleton(issue).mjml)


def in_layout(name: str, issue: Composition) -> Composition:
    """Let the series of an issue ask for a layout."""
    return replace(issue, series=replace(issue.series, layout=name))


def _issues() -> Mapping[str, Composition]:
    return {
        "every-kind": composition(*every_kind()),
        "right-to-left": about(replace(PUBLICATION, language="he"), *every_kind()),
        "plain-letter": in_layout("letter", composition(*every_kind())),
        "one-paragraph": composition(paragraph()),
        "last-of-four": composition(paragraph(), position=4),
    }
