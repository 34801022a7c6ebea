"""What SendGrid tells of a key: its rights, the authenticated domains, and what is left of the plan.

By SendGrid's OpenAPI description as of 2026-01 (scopes, whitelabel/domains, user/credits).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, unchecked
from newsletter.providers.asking import KEY, LIMITS, Answered, ask, upwards
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_SEND_RIGHT, _LOG_RIGHT = "mail.send", "email_logs.read"
_DOMAINS = "Sender Authentication"


@dataclass(frozen=True)
class SendGridAccount:
    """The account behind a key, in the region of the base URL."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    key: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the rights of the key, for each domain, and for the credits of the plan."""
        answered = self._ask("/v3/scopes")
        if not answered.is_success and not answered.is_forbidden:
            mend = "make a key under Settings, API Keys, and put it into SENDGRID_API_KEY"
            return Examination((answered.trouble(KEY, mend=mend), *_untold(domains)))
        checked = [*_rights(answered)]
        dkim: dict[str, Sequence[str]] = {}
        bounces: dict[str, str] = {}
        for domain in domains:
            row, found = self._domain(domain)
            checked.append(found)
            records = [one for one in map(table, table(row.get("dns")).values()) if one.get("host")]
            hosts = [text(one.get("host")).lower() for one in records]
            if row:
                dkim[domain] = [host for host in hosts if "._domainkey." in host]
            if own := [host for host in hosts if "._domainkey." not in host]:
                bounces[domain] = own[0]
        return Examination((*checked, self._credits()), dkim, bounces)

    def _domain(self, domain: str) -> tuple[Mapping[str, Any], Checked]:
        """Find a domain among the authenticated ones; return its row, and what it says."""
        what = f"domain {domain}"
        for name in upwards(domain):
            answered = self._ask("/v3/whitelabel/domains", domain=name, limit="50")
            if answered.is_forbidden:
                said = "the key may not tell the authenticated domains"
                return {}, unchecked(what, said, f"see {_DOMAINS}, or give the key the right to read it")
            if not answered.is_success:
                return {}, answered.trouble(what, mend=f"see {_DOMAINS} at SendGrid")
            rows = [row for row in answered.rows if text(row.get("domain")).lower() == name]
            if found := next((row for row in rows if row.get("valid") is True), rows[0] if rows else None):
                return (found if name == domain else {}), _judge(what, name, domain, found)
        return {}, blocks(what, "SendGrid does not know it", f"authenticate it under {_DOMAINS}")

    def _credits(self) -> Checked:
        answered = self._ask("/v3/user/credits")
        left, total = answered.said.get("remain"), answered.said.get("total")
        if not isinstance(left, int) or not isinstance(total, int):
            said = "the key may not tell them" if answered.is_forbidden else "SendGrid does not tell them"
            return unchecked(LIMITS, said, "see Billing at SendGrid")
        period = text(answered.said.get("reset_frequency")) or "a period"
        said = f"{left:,} of {total:,} left ({period})"
        return ok(LIMITS, said) if left > 0 else blocks(LIMITS, said, "wait, or take a larger plan")

    def _ask(self, path: str, **query: str) -> Answered:
        return ask(self.wire, f"{self.base_url}{path}", self.headers, [self.key], query)


def _rights(answered: Answered) -> Iterator[Checked]:
    if answered.is_forbidden:
        said = "SendGrid knows the key, and does not tell its rights"
        yield unchecked(KEY, said, "look that it has Mail Send and Email Logs")
        return
    rights = answered.said.get("scopes")
    if not isinstance(rights, list) or _SEND_RIGHT not in rights:
        yield blocks(KEY, "SendGrid knows it, and it may not send", "give it the right Mail Send")
        return
    yield ok(KEY, "SendGrid knows it")
    if not any(text(one) in (_LOG_RIGHT, "messages.read") for one in rights):
        said = "SendGrid names no right to read them among those of the key"
        yield unchecked("email logs", said, "give it Email Logs (read): it settles calls without an answer")


def _judge(what: str, name: str, domain: str, row: Mapping[str, Any]) -> Checked:
    if row.get("valid") is not True:
        return blocks(
            what, f"{name} is not valid yet", f"publish the records under {_DOMAINS}, and verify it"
        )
    if name != domain:
        said = f"{name} above it is authenticated; whether that stands for it too SendGrid does not tell"
        return unchecked(what, said, f"authenticate {domain} itself under {_DOMAINS}")
    return ok(what, "authenticated")


def _untold(domains: Sequence[str]) -> list[Checked]:
    return [unchecked(f"domain {one}", "SendGrid told no domains", "mend the key") for one in domains]
