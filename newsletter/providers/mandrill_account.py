"""What Mandrill tells of a key: the domains that it signs for, and how much an hour may bring.

By mailchimp.com/developer/transactional as of 2026-04 (users/info, senders/domains). Nothing is asked that
would add a domain, as check-domain does; the names of its DKIM keys are not told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.domain.provider import Answer
from newsletter.providers.asking import KEY, LIMITS, Answered, told
from newsletter.providers.mandrill_answers import is_about_account
from newsletter.providers.reports import table, text
from newsletter.providers.wire import Wire

_UNAUTHORISED = 401


@dataclass(frozen=True)
class MandrillAccount:
    """The account behind a key; every question is a POST with the key in it."""

    wire: Wire
    base_url: str
    headers: Mapping[str, str]
    key: str

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account, and for the domains that were ever sent from."""
        account = self._ask("/users/info")
        if not account.is_success:
            mend = "make a key under Settings, SMTP & API Info, and put it into MANDRILL_API_KEY"
            untold = [unchecked(f"domain {one}", "Mandrill told nothing", "mend the key") for one in domains]
            return Examination((account.trouble(KEY, mend=mend), *untold))
        listed = self._ask("/senders/domains")
        rows = {text(row.get("domain")).lower(): row for row in listed.rows}
        found = [_judge(f"domain {one}", listed, rows.get(one)) for one in domains]
        return Examination((ok(KEY, "Mandrill knows it"), *found, _quota(account.said)))

    def _ask(self, path: str) -> Answered:
        body = [orjson.dumps({"key": self.key})]
        reply = self.wire.post(f"{self.base_url}/api/1.3{path}", self.headers, body)
        if isinstance(reply, Answer):
            return told(None, [self.key])
        # An error of any kind had the status 500 once; its name alone says what it is.
        if is_about_account(reply):
            reply = replace(reply, status=_UNAUTHORISED)
        return told(reply, [self.key])


def _judge(what: str, listed: Answered, row: Mapping[str, Any] | None) -> Checked:
    mend = "add it under Settings, Domains, publish its records, and verify it"
    if not listed.is_success:
        return listed.trouble(what, mend="see Settings, Domains at Mandrill")
    if row is None:
        return blocks(what, "Mandrill does not know it", mend)
    if row.get("valid_signing") is True:
        return ok(what, "verified, and signed for")
    faults = [name.upper() for name in ("spf", "dkim") if table(row.get(name)).get("valid") is not True]
    said = f"its {' and '.join(faults)} is not valid" if faults else "its owner is not verified"
    return blocks(what, f"mails of it are rejected: {said}", mend)


def _quota(said: Mapping[str, Any]) -> Checked:
    quota, waiting = said.get("hourly_quota"), said.get("backlog")
    if not isinstance(quota, int) or not isinstance(waiting, int):
        return unchecked(LIMITS, "Mandrill did not tell them", "see the dashboard of Mandrill")
    words = f"{quota:,} an hour, {waiting:,} waiting for the next"
    if not quota:
        return blocks(LIMITS, words, "see the dashboard of Mandrill")
    if waiting:
        return problem(LIMITS, words, "let what waits go out first, or ask for a higher quota")
    return ok(LIMITS, words)
