"""What SparkPost tells of a key: the sending domains, the account's settings, and what of the plan is used.

By developers.sparkpost.com as of 2026-06 (sending-domains, account).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.domain.dkim import record_name
from newsletter.providers.asking import KEY, LIMITS, Answered, ask
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_REGION = 'or write base_url = "https://api.eu.sparkpost.com" where the account is of that region'


@dataclass(frozen=True)
class SparkPostAccount:
    """The account behind a key, in the region of the base URL."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    key: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account with what it has used, and for every sending domain."""
        account = self._ask("/account", include="usage")
        if not account.is_success and not account.is_forbidden:
            mend = f"make a key under API Keys, and put it into SPARKPOST_API_KEY, {_REGION}"
            untold = [unchecked(f"domain {one}", "SparkPost told nothing", "mend the key") for one in domains]
            return Examination((account.trouble(KEY, mend=mend), *untold))
        said = table(account.said.get("results"))
        checked = [ok(KEY, "SparkPost knows it"), *_account(said)]
        dkim: dict[str, Sequence[str]] = {}
        for domain in domains:
            answered = self._ask(f"/sending-domains/{quote(domain, safe='')}")
            row = table(answered.said.get("results"))
            checked.append(_judge(f"domain {domain}", answered, table(row.get("status"))))
            signing = table(row.get("dkim"))
            if selector := text(signing.get("selector")):
                dkim[domain] = [record_name(selector, text(signing.get("signing_domain")) or domain)]
        return Examination((*checked, _usage(account, said)), dkim)

    def _ask(self, path: str, **query: str) -> Answered:
        return ask(self.wire, f"{self.base_url}/api/v1{path}", self.headers, [self.key], query)


def _account(said: Mapping[str, Any]) -> Iterator[Checked]:
    status = text(said.get("status")) or "active"
    if status != "active":
        yield blocks("account", f"it is {status}", "ask SparkPost's support why")
    if table(said.get("options")).get("transactional_unsub") is True:
        yield problem(
            "unsubscribe header",
            "SparkPost puts its own into transactional mails, in the place of ours",
            "switch transactional_unsub off for the account",
        )


def _judge(what: str, answered: Answered, status: Mapping[str, Any]) -> Checked:
    if answered.is_forbidden:
        said = "the key may not tell the sending domains"
        return unchecked(what, said, "see Sending Domains, or give the key the right to read them")
    if answered.is_missing:
        return blocks(what, "SparkPost does not know it", f"add it under Sending Domains, {_REGION}")
    if not answered.is_success:
        return answered.trouble(what, mend="see Sending Domains at SparkPost")
    if status.get("ownership_verified") is not True:
        return blocks(what, "it is not verified", "publish the records that SparkPost shows for it")
    compliance = text(status.get("compliance_status")) or "valid"
    if compliance != "valid":
        return blocks(what, f"SparkPost's compliance says {compliance}", "ask SparkPost's support why")
    signing = text(status.get("dkim_status"))
    if signing != "valid":
        said = f"verified; its DKIM record is {signing or 'not looked at'}"
        return problem(what, said, "publish the DKIM record that SparkPost shows for it")
    return ok(what, "verified")


def _usage(account: Answered, said: Mapping[str, Any]) -> Checked:
    if account.is_forbidden:
        return unchecked(LIMITS, "the key may not tell them", "give it the right to read the account")
    usage, words, is_full = table(said.get("usage")), [], False
    for period in ("day", "month"):
        one = table(usage.get(period))
        used, limit = one.get("used"), one.get("limit")
        if isinstance(used, int) and isinstance(limit, int) and limit > 0:
            words.append(f"{used:,} of {limit:,} this {period}")
            is_full = is_full or used >= limit
    if not words:
        return unchecked(LIMITS, "SparkPost did not tell them", "see Usage at SparkPost")
    sent = f"sent {', '.join(words)}"
    return blocks(LIMITS, sent, "wait, or take a larger plan") if is_full else ok(LIMITS, sent)
