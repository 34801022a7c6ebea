"""Ask a provider's API for something that changes nothing, and say why there was no answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from newsletter.domain.diagnosis import Checked, blocks, unchecked
from newsletter.providers.answers import Reply, reason
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

KEY = "key"
NOT_FOUND = 404
LIMITS = "limits of the plan"
_FORBIDDEN = 403
_REFUSED = (400, 401, 402, 403)


@dataclass(frozen=True)
class Answered:
    """What came back: `said` is the JSON object of a success, `rows` those of its JSON array; else empty."""

    status: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    words: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_missing(self) -> bool:
        return self.status == NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """Tell whether the key is known, and not allowed to ask for this."""
        return self.status == _FORBIDDEN

    def trouble(self, what: str, *, mend: str) -> Checked:
        """Say why there was no answer; only a refusal proves that something is wrong."""
        said = f"HTTP {self.status}: {self.words}" if self.words else f"HTTP {self.status}"
        if self.status in _REFUSED:
            return blocks(what, f"refused with {said}", mend)
        if not self.status:
            what_came = self.words or "no whole answer came"
            return unchecked(what, what_came, "look at the network and at base_url, and ask again")
        return unchecked(what, f"answered {said}", "ask again later")


def ask(
    wire: Wire,
    url: str,
    headers: Mapping[str, str],
    secrets: Sequence[str],
    query: Mapping[str, str] = MappingProxyType({}),
) -> Answered:
    """Make one GET; what was said is shown on one line and without any of the secrets."""
    return told(wire.get(url, headers, query), secrets)


def told(reply: Reply | None, secrets: Sequence[str]) -> Answered:
    """Read what came back, None where no whole answer did."""
    if reply is None:
        return Answered()
    try:
        found = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        found = None
    said = table(found)
    words = _words(said)
    for secret in secrets:
        words = words.replace(secret, "***")
    if not reply.is_success:
        return Answered(reply.status, headers=reply.headers, words=reason(words))
    if not said and not isinstance(found, list):
        # A page of the network, or of another service, answers everything with 200.
        return Answered(words="what answered is not the provider's API")
    return Answered(reply.status, said, rows_of(found), reply.headers)


def rows_of(value: object) -> list[Mapping[str, Any]]:
    """Return the JSON objects of an array; of anything else none."""
    return list(map(table, value)) if isinstance(value, list) else []


def upwards(domain: str) -> Iterator[str]:
    """Give a domain and those above it, without the last label alone."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        yield ".".join(labels[start:])


def _words(said: Mapping[str, Any]) -> str:
    """Find what an error says, by whichever name the provider has for it."""
    first = next(iter(rows_of(said.get("errors"))), said)
    names = ("message", "Message", "ErrorMessage", "name")
    return next((words for name in names if (words := text(first.get(name)))), "")
