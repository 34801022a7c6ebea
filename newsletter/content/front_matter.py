"""The front matter of an article: YAML between two lines of `---`, with its own few keys."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml
from frontmatter.default_handlers import YAMLHandler

from newsletter.domain.finding import Acknowledgement
from newsletter.domain.slugs import offer
from newsletter.errors import LetterError, Place

KEYS = ("title", "description", "updated", "sources", "tags", "acknowledge")
_BOUNDARY = re.compile(r"^-{3,}\s*$", re.MULTILINE)
_BEGIN = "begin the file with a line of ---, then title: …, then a line of ---"


@dataclass(frozen=True)
class FrontMatter:
    """What stands above an article's text, and the number of lines that it takes."""

    title: str
    description: str
    updated: str
    sources: tuple[str, ...]
    tags: tuple[str, ...]
    acknowledge: tuple[Acknowledgement, ...]
    lines: int


def split_front_matter(text: str, file: str) -> tuple[FrontMatter, str]:
    """Part a text into its front matter and its body.

    Raises LetterError for YAML that cannot be read, an unknown key, a missing title.
    """
    opening = _BOUNDARY.match(text, len(text) - len(text.lstrip()))
    if opening is None:
        raise LetterError("the article has no front matter", place=Place(file, 1), mend=_BEGIN)
    if _BOUNDARY.search(text, opening.end()) is None:
        raise LetterError(
            "the front matter has no end", place=Place(file, 1), mend="close it with a line of ---"
        )
    source, body = YAMLHandler().split(text)
    above = text[: opening.end()].count("\n")
    reader = _Keys(source, file, above)
    return FrontMatter(
        title=reader.title(),
        description=reader.text("description"),
        updated=reader.date("updated"),
        sources=reader.texts("sources"),
        tags=reader.texts("tags"),
        acknowledge=reader.reasons("acknowledge"),
        lines=text[: len(text) - len(body)].count("\n"),
    ), body


class _Keys:
    def __init__(self, source: str, file: str, above: int) -> None:
        self._source = source
        self._file = file
        self._above = above
        self._values = self._load()
        for key in self._values:
            if key not in KEYS:
                raise self._error(f"unknown key {key!r}", str(key), mend=offer(str(key), KEYS))

    def title(self) -> str:
        title = self.text("title")
        if not title:
            raise LetterError(
                "the title is missing", place=self._place("title"), mend="add title: … at the top"
            )
        return title

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._error(f"{key!r} must be a text", key, mend="put it in quotes")
        return " ".join(value.split())

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._error(f"{key!r} must be a list of texts", key, mend=f"write {key}: [one, two]")
        return tuple(" ".join(one.split()) for one in value)

    def reasons(self, key: str) -> tuple[Acknowledgement, ...]:
        value = self._values.get(key)
        if value is None:
            return ()
        texts: dict[Any, Any] = value if isinstance(value, dict) else {None: None}
        if not all(isinstance(text, str) and text.strip() for pair in texts.items() for text in pair):
            raise self._error(
                f"{key!r} must name rules, each with its reason", key, mend=f"write {key}: {{rule: reason}}"
            )
        place = self._place(key)
        return tuple(Acknowledgement(rule, " ".join(texts[rule].split()), place) for rule in texts)

    def date(self, key: str) -> str:
        value = self._values.get(key)
        if isinstance(value, datetime):
            return value.date().isoformat()
        if isinstance(value, date):
            return value.isoformat()
        if value is None:
            return ""
        raise self._error(f"{key!r} must be a date", key, mend=f"write {key}: 2026-11-21")

    def _load(self) -> dict[Any, Any]:
        try:
            # The loader in C overruns its stack on deep nesting; this one raises.
            values = YAMLHandler().load(self._source, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as cause:
            mark = cause.problem_mark or cause.context_mark
            line = self._above + (mark.line if mark else 0) + 1
            raise self._broken(cause.problem or "it cannot be read", line) from cause
        except yaml.reader.ReaderError as cause:
            line = self._above + self._source[: cause.position].count("\n") + 1
            raise self._broken("it has a character that is not allowed", line) from cause
        except (RecursionError, ValueError) as cause:
            raise self._broken("it cannot be read", self._above + 1) from cause
        if values is None:
            return {}
        if not isinstance(values, dict):
            raise self._broken("it must be lines of key: value", self._above + 1)
        return values

    def _broken(self, problem: str, line: int) -> LetterError:
        mend = "put a text that has a colon in quotes" if "mapping values" in problem else ""
        return LetterError(f"the front matter is broken: {problem}", place=Place(self._file, line), mend=mend)

    def _error(self, message: str, key: str, *, mend: str) -> LetterError:
        return LetterError(message, place=self._place(key), mend=mend)

    def _place(self, key: str) -> Place:
        found = re.search(rf"^[\"']?{re.escape(key)}[\"']?[ \t]*:", self._source, re.MULTILINE)
        # The source begins at the end of the opening boundary's line.
        lines = self._source[: found.start()].count("\n") if found else 0
        return Place(self._file, self._above + lines + 1)
