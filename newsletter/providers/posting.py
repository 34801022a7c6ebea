"""A batch as one POST with the secret in its headers: composed once, made once, shown without the secret."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.domain.provider import Answer, Mailing, Outcome, Request, always
from newsletter.providers.answers import Reply
from newsletter.providers.settings import Secret
from newsletter.providers.wire import Wire

_HIDDEN = "***"


@dataclass(frozen=True)
class Post:
    """One batch, composed; `why_not` says why its recipients cannot share a call."""

    url: str
    secret: Secret
    wire: Wire
    headers_for: Callable[[str], Mapping[str, str]]
    read_answer: Callable[[Reply, Sequence[int]], Answer]
    mailing: Mailing
    body: Sequence[bytes]
    why_not: str | None

    def request(self) -> Request:
        """Show the call with its secret hidden."""
        return Request("POST", self.url, self._headers(_HIDDEN), b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once, unless its recipients cannot share one."""
        if self.why_not:
            return Answer(Outcome.REFUSED, f"{self.why_not}, nothing was sent")
        secret = self.secret.reveal()
        reply = self.wire.post(self.url, self._headers(secret), self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        return _without(secret, self.read_answer(reply, [one.pos for one in self.mailing.recipients]))

    def _headers(self, secret: str) -> dict[str, str]:
        return {**self.headers_for(secret), "Content-Type": "application/json"}


def _without(secret: str, answer: Answer) -> Answer:
    # Most secrets have no common beginning by which they could be known.
    rejected = {pos: words.replace(secret, _HIDDEN) for pos, words in answer.rejected.items()}
    return replace(answer, reason=answer.reason.replace(secret, _HIDDEN), rejected=rejected)
