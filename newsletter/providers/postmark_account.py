"""What Postmark tells to a server's token: the server and its stream, and nothing of domains.

By postmarkapp.com/developer/api/server-api and /message-streams-api as of 2026-02.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.providers.asking import KEY, Answered, ask
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_MISSING = (404, 422)


@dataclass(frozen=True)
class PostmarkServer:
    """The server behind a token, and the stream that issues go on."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    token: str
    stream: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the server and the stream."""
        server = self._ask("/server")
        if not server.is_success:
            mend = "copy the server's API token into POSTMARK_SERVER_TOKEN, not the account's"
            return Examination((server.trouble(KEY, mend=mend), *_domains(domains)))
        return Examination((*_server(server.said), self._stream(), *_domains(domains)))

    def _stream(self) -> Checked:
        what = f"stream {self.stream}"
        answered = self._ask(f"/message-streams/{self.stream}")
        if answered.status in _MISSING:
            return blocks(what, "the server has no such stream", "write its id as stream in [provider]")
        if not answered.is_success:
            return answered.trouble(what, mend="see the streams of the server")
        return _judge_stream(what, answered.said)

    def _ask(self, path: str) -> Answered:
        return ask(self.wire, f"{self.base_url}{path}", self.headers, [self.token])


def _server(said: Mapping[str, Any]) -> list[Checked]:
    found = [ok(KEY, "Postmark knows it")]
    if text(said.get("DeliveryType")).lower() == "sandbox":
        found.append(
            blocks("server", "it is a sandbox, which delivers nothing", "use the token of a live server")
        )
    if said.get("TrackOpens") is True:
        found.append(
            problem(
                "open tracking",
                "the server puts a pixel into every mail, and a mail cannot refuse it",
                "switch open tracking off at the server",
            )
        )
    return found


def _judge_stream(what: str, said: Mapping[str, Any]) -> Checked:
    if said.get("ArchivedAt"):
        return blocks(what, "it is archived", "take it back from the archive, or name another one")
    kind = text(said.get("MessageStreamType"))
    if kind != "Broadcasts":
        return problem(what, f"it is of the type {kind}", "a newsletter goes on a broadcast stream")
    handling = text(table(said.get("SubscriptionManagementConfiguration")).get("UnsubscribeHandlingType"))
    if handling != "Custom":
        return problem(
            what,
            "Postmark puts its own unsubscribe link in the place of ours",
            "ask its support for your own unsubscribe handling, and set it on the stream",
        )
    return ok(what, "broadcasts, with our own unsubscribe link")


def _domains(domains: Sequence[str]) -> list[Checked]:
    said = "Postmark tells verified domains to the account's token only"
    return [
        *(unchecked(f"domain {one}", said, "see Sender Signatures at Postmark") for one in domains),
        unchecked("limits of the plan", "Postmark does not tell them", "see Billing at Postmark"),
    ]
