"""What a mail server says to whoever logs in and goes away again."""

from collections.abc import Callable, Sequence

from newsletter.domain.diagnosis import Examination, blocks, ok, unchecked
from newsletter.domain.message import sender_domain
from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.asking import KEY
from newsletter.providers.dkim import Dkim
from newsletter.providers.settings import MailServer

_BEHIND = ", nothing was sent"


def greet(
    server: MailServer, meet: Callable[[], Answer | None], domains: Sequence[str], dkim: Dkim | None = None
) -> Examination:
    """Log in without a mail; `meet` returns why that failed, None where it did not."""
    signed = {one: dkim.names(one) for one in domains} if dkim else {}
    what = KEY if server.user else "mail server"
    bounces = {one: sender_domain(server.return_path) or one for one in domains}
    refused = meet()
    if refused is None:
        said = f"{server} lets {server.user} in" if server.user else f"{server} answers, without a password"
        checked = [ok(what, said)]
    elif refused.outcome is Outcome.DEFERRED:
        said = refused.reason.replace(_BEHIND, "")
        checked = [unchecked(what, said, "look at host, port and the network, and ask again")]
    else:
        said = refused.reason.replace(_BEHIND, "")
        mend = "look at host, port, security, user and SMTP_PASSWORD"
        return Examination((blocks(what, said, mend),), signed, bounces)
    unknown = "SMTP has no question for it"
    mend = "ask whoever runs the server; a test copy shows how it arrives: newsletter send-test"
    checked += [unchecked(f"domain {one}", unknown, mend) for one in domains]
    return Examination((*checked, unchecked("limits of the plan", unknown, mend)), signed, bounces)
