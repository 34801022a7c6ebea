"""People with all that is known of them, one a line in JSON."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson

from newsletter.content.addresses import normalised
from newsletter.content.text_blocks import TextFile, survey
from newsletter.domain.joining import Refusal
from newsletter.domain.portable import (
    VERSION,
    Had,
    Nameless,
    Opening,
    Portable,
    Subscribed,
    Suppressed,
    Told,
)
from newsletter.domain.subscriber import Consent, clean_name
from newsletter.domain.zones import all_zones
from newsletter.errors import LetterError, NewsletterError, Place

#: What the first line of such a file has.
MARK = "newsletter_subscribers"
_LONGEST_LINE = 16_000_000
_T = TypeVar("_T")


def opening_line(opening: Opening) -> bytes:
    """Write the first line."""
    return _line({MARK: VERSION, "salt": opening.salt.hex(), "series": dict(opening.series)})


def person_line(person: Portable) -> bytes:
    """Write the line of a person."""
    return _line(asdict(person))


def nameless_line(one: Nameless) -> bytes:
    """Write the line of an address that only its hash tells."""
    return _line({"suppressed_hash": one.hash, "suppressed": asdict(one.suppressed)})


def is_json(path: Path) -> bool:
    """Tell by its name that a file has a JSON value on each line."""
    return path.suffix.lower() in (".jsonl", ".ndjson")


def open_people(path: Path) -> tuple[TextFile, Opening]:
    """Look at a whole file, and read its first line; raises LetterError for one that is none of ours."""
    file = survey(path, most_bytes=_LONGEST_LINE)
    if file.encoding != "utf-8":
        raise LetterError("the file is not UTF-8", place=Place(str(path)), mend="export it once more")
    first = next(file.blocks())[0]
    place = Place(str(path), 1)
    try:
        value = _object(orjson.loads(first))
        version = value[MARK]
        if version != VERSION:
            raise LetterError(f"the file is of version {version!r}, and {VERSION} is read", place=place)
        series = {
            str(slug): [str(name) for name in names] for slug, names in _object(value["series"]).items()
        }
        return file, Opening(bytes.fromhex(value["salt"]), series)
    except (ValueError, KeyError, TypeError, AttributeError, NewsletterError) as error:
        if isinstance(error, LetterError):
            raise
        what = "the file does not begin as `newsletter subscribers export --format jsonl` writes it"
        raise LetterError(what, place=place, mend="name a CSV file .csv") from error


def people(file: TextFile) -> Iterator[tuple[int, Portable | Nameless | Refusal]]:
    """Yield what each line after the first holds, or why it cannot be taken."""
    number = 0
    for block in file.blocks():
        for line in block:
            number += 1
            if number > 1 and line.strip():
                yield number, _read(number, line)


def _read(number: int, line: str) -> Portable | Nameless | Refusal:
    try:
        value = _object(orjson.loads(line))
    except (ValueError, NewsletterError):
        return Refusal(number, "", "the line is not a JSON object")
    try:
        if "suppressed_hash" in value:
            return Nameless(_text(value, "suppressed_hash", 32), _suppressed(value["suppressed"]))
        return _person(value)
    except NewsletterError as error:
        return Refusal(number, str(value.get("address", ""))[:80], str(error))
    except KeyError as error:
        return Refusal(number, str(value.get("address", ""))[:80], f"{error.args[0]!r} is missing")


def _person(value: Mapping[str, Any]) -> Portable:
    zone = _text(value, "zone", 60)
    if zone and zone not in all_zones():
        raise NewsletterError(f"there is no zone {zone!r}")
    return Portable(
        normalised(_text(value, "address", 1_000)),
        clean_name(_text(value, "name", 1_000)),
        zone,
        _text(value, "locale", 35),
        _without_nul(_object(value.get("attributes") or {})),
        _suppressed(value["suppressed"]) if value.get("suppressed") else None,
        _each(value, "subscriptions", _subscription),
    )


def _subscription(value: Mapping[str, Any]) -> Subscribed:
    state = _text(value, "state", 15)
    if state not in set(Consent):
        raise NewsletterError(f"no subscription is {state!r}")
    one = Subscribed(
        _text(value, "series", 200),
        Consent(state),
        _instant(value, "confirmed_at"),
        _instant(value, "paused_until"),
        _each(value, "events", _told),
        _each(value, "received", _had),
    )
    if one.is_without_evidence():
        raise NewsletterError(f"they are active in {one.series}, and no event says that they confirmed it")
    return one


def _told(value: Mapping[str, Any]) -> Told:
    at = _instant(value, "at")
    if at is None:
        raise NewsletterError("an event is without its time")
    return Told(
        _text(value, "kind", 15),
        at,
        _text(value, "how", 40),
        _text(value, "text", 100_000),
        _perhaps(value, "issue", 200),
        _perhaps(value, "version", 12) or "",
        _perhaps(value, "ip", 45) or "",
    )


def _had(value: Mapping[str, Any]) -> Had:
    return Had(
        _text(value, "issue", 200),
        _instant(value, "at"),
        _instant(value, "delivered_at"),
        _instant(value, "bounced_at"),
        _instant(value, "complained_at"),
        _perhaps(value, "bounce", 10),
    )


def _suppressed(value: object) -> Suppressed:
    given = _object(value)
    since = _instant(given, "since")
    if since is None:
        raise NewsletterError("a suppression is without its time")
    return Suppressed(_text(given, "reason", 20), since)


def _each(value: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], _T]) -> tuple[_T, ...]:
    found = value.get(name) or []
    if not isinstance(found, list):
        raise NewsletterError(f"{name!r} is no list")
    return tuple(read(_object(one)) for one in found)


def _text(value: Mapping[str, Any], name: str, longest: int) -> str:
    found = value[name]
    if not isinstance(found, str) or len(found) > longest or "\0" in found:
        raise NewsletterError(f"{name!r} is no text of at most {longest:,} characters")
    return found


def _perhaps(value: Mapping[str, Any], name: str, longest: int) -> str | None:
    return _text(value, name, longest) if value.get(name) else None


def _instant(value: Mapping[str, Any], name: str) -> datetime | None:
    found = value.get(name)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise NewsletterError(f"{name!r} is no time: {str(found)[:40]!r}") from error


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NewsletterError("an object is expected")
    return value


def _without_nul(value: Mapping[str, Any]) -> Mapping[str, Any]:
    # PostgreSQL keeps no NUL in a text.
    if b"\\u0000" in orjson.dumps(value):
        raise NewsletterError("an attribute has a NUL character in it")
    return value


def _line(value: object) -> bytes:
    return orjson.dumps(value, default=dict, option=orjson.OPT_APPEND_NEWLINE)
