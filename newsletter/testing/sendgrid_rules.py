"""What SendGrid refuses of a call, and how it finds and replaces.

By SendGrid's OpenAPI description as of 2026-01. Templates and schedules are not understood.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from newsletter.testing.http_server import Response

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_MOST, _VALUES_ROOM, _ARGUMENTS_ROOM = 1000, 10_000, 10_000
_MOST_CATEGORIES, _LONGEST_CATEGORY = 10, 255
_RESERVED = frozenset(
    {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to",
     "from", "subject", "reply-to", "cc", "bcc"}
)  # fmt: skip
_KINDS = ("text/plain", "text/html")
_UNSUBSCRIBE = "<https://unsubscribe.sendgrid.example/u>"
#: A field, nothing where there is none, and what is wrong.
Flaw = tuple[str | None, str]


@dataclass
class Account:
    """What an account allows; tests change it as they go. None is without limit.

    `senders` are verified addresses and domains, `suppressed` is why a mail to an address is dropped after it
    was taken. `tracks_subscriptions` is the account's own setting. `may_read` is a right of the key.
    """

    senders: Collection[str] | None = None
    credits: int | None = None
    suppressed: dict[str, str] = field(default_factory=dict)
    tracks_subscriptions: bool = True
    may_read: bool = True

    def refusal(self, said: Any) -> Response | None:
        """Say why a call is refused; None if it is not."""
        if flaws := list(_flaws(said)) or _repeated(said):
            return errors(400, flaws)
        sender = said["from"]["email"].lower()
        if self.senders is not None and not {sender, sender.rpartition("@")[2]} & set(self.senders):
            return error(403, "The from address does not match a verified Sender Identity.", "from")
        if self.credits is not None and len(said["personalizations"]) > self.credits:
            return error(401, "Maximum credits exceeded")
        return None

    def leaving(self, said: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers as they leave: with subscription tracking the way out is another one."""
        settings = said.get("tracking_settings", {}).get("subscription_tracking", {})
        if "asm" in said or settings.get("enable", self.tracks_subscriptions):
            return {**headers, "List-Unsubscribe": _UNSUBSCRIBE}
        return dict(headers)


def error(status: int, message: str, name: str | None = None) -> Response:
    """Word an error as SendGrid does."""
    return errors(status, [(name, message)])


def errors(status: int, flaws: Iterable[Flaw]) -> Response:
    """Word several errors as SendGrid does."""
    return Response.of(
        status, {"errors": [{"message": said, "field": name, "help": None} for name, said in flaws]}
    )


def filler(values: Mapping[str, str], passes: int) -> Callable[[str], str]:
    """Make the function that replaces tags; how often the service goes over a text is not documented."""

    def fill(text: str) -> str:
        for _ in range(passes):
            for tag, value in values.items():
                text = text.replace(tag, value)
        return text

    return fill


def content_of(said: Mapping[str, Any], kind: str) -> str:
    """Return the content of a kind, nothing where there is none."""
    return next((str(one["value"]) for one in said["content"] if one["type"] == kind), "")


def _flaws(said: Any) -> Iterator[Flaw]:
    if not isinstance(said, dict):
        yield None, "Bad Request"
        return
    yield from _bad_sender(said)
    yield from _bad_content(said)
    people = said.get("personalizations")
    if not isinstance(people, list) or not 1 <= len(people) <= _MOST:
        yield "personalizations", "The personalizations field must be an array of 1 to 1000 objects."
        return
    for index, one in enumerate(people):
        yield from _bad_personalization(f"personalizations.{index}", one)


def _repeated(said: Mapping[str, Any]) -> list[Flaw]:
    addresses = [to["email"].lower() for one in said["personalizations"] for to in one["to"]]
    words = "Each unique email address in the personalizations array should only be included once."
    if len(addresses) > _MOST:
        words = "The message has more than 1000 recipients."
    is_sound = len(set(addresses)) == len(addresses) <= _MOST
    return [] if is_sound else [("personalizations", words)]


def _bad_sender(said: Mapping[str, Any]) -> Iterator[Flaw]:
    for name in ("from", "reply_to"):
        one = said.get(name, {} if name == "from" else {"email": "a@example.org"})
        if not isinstance(one, dict) or not _is_address(one.get("email")):
            yield f"{name}.email", "The email must be a valid email address."
    if not isinstance(said.get("subject"), str) or not said["subject"]:
        yield "subject", "The subject is required."
    categories = said.get("categories", [])
    if len(categories) > _MOST_CATEGORIES or len(set(categories)) < len(categories):
        yield "categories", "The categories must be 10 unique strings at most."
    if any(not isinstance(one, str) or len(one) > _LONGEST_CATEGORY for one in categories):
        yield "categories", "A category is longer than 255 characters."


def _bad_content(said: Mapping[str, Any]) -> Iterator[Flaw]:
    content = said.get("content")
    if not isinstance(content, list) or not content:
        yield "content", "The content must be an array with at least one object."
        return
    kinds = [one.get("type") for one in content]
    if kinds != [kind for kind in _KINDS if kind in kinds]:
        yield "content", "If present, text/plain must be first, followed by text/html."
    for index, one in enumerate(content):
        if not isinstance(one.get("value"), str) or not one["value"]:
            yield (
                f"content.{index}.value",
                "The content value must be a string at least one character in length.",
            )


def _bad_personalization(name: str, one: Any) -> Iterator[Flaw]:
    to = one.get("to") if isinstance(one, dict) else None
    if not isinstance(to, list) or not to:
        yield f"{name}.to", "The to array is required for all personalization objects."
        return
    for index, each in enumerate(to):
        if not isinstance(each, dict) or not _is_address(each.get("email")):
            yield f"{name}.to.{index}.email", "Does not contain a valid address."
    for field_name, room in (("substitutions", _VALUES_ROOM), ("custom_args", _ARGUMENTS_ROOM)):
        values = one.get(field_name, {})
        if not all(isinstance(value, str) for value in values.values()):
            yield None, "Bad Request"
        elif sum(len(key.encode()) + len(value.encode()) for key, value in values.items()) > room:
            yield f"{name}.{field_name}", f"The {field_name} are limited to 10000 bytes."
    headers = one.get("headers", {})
    if any(header.lower() in _RESERVED for header in headers):
        yield f"{name}.headers", "A header is reserved."
    if any(not key.isascii() or re.search(r"[\r\n]", str(value)) for key, value in headers.items()):
        yield f"{name}.headers", "A header is not valid."


def _is_address(value: object) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None
