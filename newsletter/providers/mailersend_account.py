"""What MailerSend tells of a token: its domains, their records and settings, and the requests left today.

By developers.mailersend.com as of 2026 (domains, dns-records, api-quota).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.providers.asking import KEY, LIMITS, Answered, ask, rows_of
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_MOST_PAGES = 10
_UNTOLD = "see Domains at MailerSend, or let the token read domains"


@dataclass(frozen=True)
class MailerSendAccount:
    """The account behind a token, which may be one domain's alone."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    token: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the domains, for the records of ours, and for the day's quota."""
        listed: dict[str, Mapping[str, Any]] = {}
        first = answered = self._ask("/domains", limit="100", page="1")
        for page in range(2, _MOST_PAGES + 2):
            rows = rows_of(answered.said.get("data"))
            listed |= {text(row.get("name")).lower(): row for row in rows}
            last = table(answered.said.get("meta")).get("last_page")
            if not rows or not isinstance(last, int) or page > last:
                break
            answered = self._ask("/domains", limit="100", page=str(page))
        if not first.is_success:
            return Examination((*_without_a_list(first, domains),))
        checked = [ok(KEY, "MailerSend knows it")]
        for domain in domains:
            checked += _judge(domain, listed.get(domain))
        records = {one: self._records(listed[one]) for one in domains if one in listed}
        return Examination(
            (*checked, self._quota()),
            dkim={one: [host] for one, row in records.items() if (host := _host(row, "dkim"))},
            bounces={one: host for one, row in records.items() if (host := _host(row, "return_path"))},
        )

    def _records(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        answered = self._ask(f"/domains/{quote(text(row.get('id')), safe='')}/dns-records")
        return table(answered.said.get("data"))

    def _quota(self) -> Checked:
        said = self._ask("/api-quota").said
        quota, left = said.get("quota"), said.get("remaining")
        if not isinstance(quota, int) or not isinstance(left, int):
            return unchecked(LIMITS, "MailerSend did not tell them", "see Plan and billing at MailerSend")
        words = f"{left:,} of {quota:,} requests left today; mails left are not told"
        return ok(LIMITS, words) if left > 0 else blocks(LIMITS, words, "wait until midnight UTC")

    def _ask(self, path: str, **query: str) -> Answered:
        return ask(self.wire, f"{self.base_url}/v1{path}", self.headers, [self.token], query)


def _without_a_list(answered: Answered, domains: Sequence[str]) -> Iterator[Checked]:
    if answered.is_forbidden:
        # A token may have the one right that is needed, to send.
        yield unchecked(KEY, f"MailerSend tells it nothing: {answered.words or 'HTTP 403'}", _UNTOLD)
    else:
        mend = "make a token for the sending domain, and put it into MAILERSEND_API_TOKEN"
        yield answered.trouble(KEY, mend=mend)
    yield from (unchecked(f"domain {one}", "MailerSend told no domains", _UNTOLD) for one in domains)


def _judge(domain: str, row: Mapping[str, Any] | None) -> Iterator[Checked]:
    what = f"domain {domain}"
    if row is None:
        yield blocks(what, "the token is of no such domain", "add it under Domains, and make a token for it")
        return
    settings = table(row.get("domain_settings"))
    if settings.get("send_paused") is True:
        yield blocks(what, "sending is paused for it", "let it go on under Domains at MailerSend")
    elif row.get("is_verified") is not True:
        yield blocks(what, "it is not verified", "publish the records that MailerSend shows for it")
    else:
        yield ok(what, "verified")
    if settings.get("track_unsubscribe") is True:
        said = "MailerSend puts a link of its own into every mail"
        yield problem(
            f"unsubscribe tracking of {domain}", said, "switch it off in the settings of the domain"
        )


def _host(records: Mapping[str, Any], name: str) -> str:
    return text(table(records.get(name)).get("hostname")).lower().rstrip(".")
