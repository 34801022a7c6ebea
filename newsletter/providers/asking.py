"""Ask a provider's API for something that changes nothing, and say why there was no answer."""

from collections.abc import Mapping, Sequence
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
_REFUSED = (400, 401, 402, 403)


@dataclass(frozen=True)
class Answered:
    """What came back: `said` is the JSON object of a success, and empty for anything else."""

    status: int = 0
    said: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    words: str = ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_missing(self) -> bool:
        return self.status == NOT_FOUND

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
    reply = wire.get(url, headers, query)
    if reply is None:
        return Answered()
    said = _json(reply)
    words = text(said.get("message")) or text(said.get("Message")) or text(said.get("name"))
    for secret in secrets:
        words = words.replace(secret, "***")
    if reply.is_success and not said:
        # A page of the network, or of another service, answers everything with 200.
        return Answered(words="what answered is not the provider's API")
    return Answered(reply.status, said if reply.is_success else {}, reply.headers, reason(words))


def _json(reply: Reply) -> Mapping[str, Any]:
    try:
        return table(orjson.loads(reply.body))
    except orjson.JSONDecodeError:
        return {}
