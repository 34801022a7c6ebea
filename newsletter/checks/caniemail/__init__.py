"""What mail clients show of CSS and HTML, by the tests of caniemail.com.

`support.json` is condensed from the npm package `caniemail`; LICENSE has the notices of both.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("support.json")


@dataclass(frozen=True)
class Feature:
    """One thing that was tested: what does not show it, what shows a part of it and how, and when that was.

    `lost` are families of clients none of which shows it; `missing` and `partly` name single clients.
    """

    slug: str
    title: str
    tested: str
    lost: tuple[str, ...]
    missing: tuple[str, ...]
    partly: tuple[tuple[str, str], ...]

    @property
    def source(self) -> str:
        """Name the page with the tests."""
        return f"www.caniemail.com/features/{self.slug}"


@cache
def features() -> dict[str, Feature]:
    """Read every feature by what it is known by: `property gap`, `value display:flex`, `unit rem`, …"""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    clients = [tuple(one.split("/")) for one in data["clients"]]
    return {
        key: _feature(slug, one, clients) for slug, one in data["features"].items() for key in one["keys"]
    }


def _feature(slug: str, written: dict[str, object], clients: Sequence[tuple[str, ...]]) -> Feature:
    support = str(written["support"])
    answers = [(client, answer) for client, answer in zip(clients, support, strict=True) if answer != "u"]
    families = dict.fromkeys(family for (family, _), _ in answers)
    lost = tuple(
        family for family in families if all(answer == "n" for (one, _), answer in answers if one == family)
    )
    missing = tuple(" ".join(client) for client, answer in answers if answer == "n")
    notes = written["notes"]
    assert isinstance(notes, dict)
    partly = tuple(
        (" ".join(client), str(notes.get(str(at), "")))
        for at, (client, answer) in enumerate(zip(clients, support, strict=True))
        if answer == "a"
    )
    return Feature(slug, str(written["title"]), str(written["tested"]), lost, missing, partly)


def keys_of(name: str, value: str) -> Iterator[str]:
    """Yield what a declaration uses: its property, its value, and the functions and units in it."""
    name, value = name.lower(), value.lower().strip()
    bare = value.replace("!important", "").strip()
    yield f"property {name}"
    yield f"value {name}:{bare}"
    for word in re.findall(r"[a-z][a-z-]*(?=\()", bare):
        yield f"function {word}"
    for unit in re.findall(r"(?<![\w#.-])-?\d*\.?\d+(%|[a-z]+)", bare):
        yield f"unit {unit}"
    for word in re.findall(r"(?<![\w(-])[a-z][a-z-]*(?![\w(-])", bare):
        yield f"word {word}"
    if bare != value:
        yield "word !important"
