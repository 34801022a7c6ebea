"""What Amazon SES tells of an account in a region, and of its identities (sesv2 as of 2026)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from newsletter.domain.diagnosis import Checked, Examination, blocks, ok, problem, unchecked
from newsletter.domain.dkim import record_name
from newsletter.errors import ProviderError
from newsletter.providers.asking import KEY, Answered, ask, upwards
from newsletter.providers.reports import table, text
from newsletter.providers.sigv4 import Credentials
from newsletter.providers.wire import Wire


@dataclass(frozen=True)
class SesAccount:
    """The account behind credentials, in one region; `sign` gives the headers of a GET."""

    wire: Wire
    base_url: str
    credentials: Callable[[], Credentials]
    sign: Callable[[str], Mapping[str, str]]
    send_rate: float

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account, and for the identity that stands for each domain."""
        try:
            account = self._ask("/v2/email/account")
        except ProviderError as error:
            return Examination((blocks(KEY, error.message, error.mend),))
        if not account.is_success:
            mend = (
                "give the key ses:GetAccount and ses:GetEmailIdentity, and look at the region and the clock"
            )
            return Examination((account.trouble(KEY, mend=mend),))
        checked = [ok(KEY, "Amazon SES knows it"), *_account(account.said), self._quota(account.said)]
        dkim: dict[str, Sequence[str]] = {}
        bounces: dict[str, str] = {}
        for domain in domains:
            identity, answered = self._identity(domain)
            checked.append(_verified(domain, identity, answered))
            if answered.is_success:
                dkim[domain] = _dkim(identity, answered.said)
                mail_from = table(answered.said.get("MailFromAttributes"))
                if host := text(mail_from.get("MailFromDomain")).lower():
                    bounces[domain] = host
        return Examination(checked, dkim, bounces)

    def _identity(self, domain: str) -> tuple[str, Answered]:
        """Find the identity of a domain: its own, or the one of a domain above it, which counts too."""
        answered = Answered()
        for name in upwards(domain):
            answered = self._ask(f"/v2/email/identities/{quote(name, safe='')}")
            if not answered.is_missing:
                return name, answered
        return domain, answered

    def _quota(self, account: Mapping[str, Any]) -> Checked:
        what, quota = "limits of the plan", table(account.get("SendQuota"))
        most, used, rate = (
            _number(quota.get(name)) for name in ("Max24HourSend", "SentLast24Hours", "MaxSendRate")
        )
        if most is None or used is None or rate is None:
            return unchecked(what, "Amazon SES did not tell them", "see the account's dashboard")
        # -1 is without limit.
        of = f" of {most:,.0f}" if most >= 0 else ""
        said = f"{used:,.0f}{of} sent in 24 hours, {rate:,.0f} a second"
        if 0 <= most <= used:
            return blocks(what, said, "wait, or ask AWS for a higher quota")
        if self.send_rate > rate:
            return problem(what, said, f"write send_rate = {rate:g} into [provider]")
        return ok(what, said)

    def _ask(self, path: str) -> Answered:
        url = f"{self.base_url}{path}"
        return ask(self.wire, url, self.sign(url), self.credentials().secrets)


def _account(said: Mapping[str, Any]) -> Iterator[Checked]:
    if said.get("SendingEnabled") is False:
        yield blocks("account", "sending is paused for it", "see the account's dashboard for the reason")
    if said.get("ProductionAccessEnabled") is False:
        yield blocks(
            "account", "it is in the sandbox: only verified addresses get mail", "ask for production access"
        )


def _verified(domain: str, identity: str, answered: Answered) -> Checked:
    what = f"domain {domain}"
    if answered.is_missing:
        return blocks(what, "no identity of this region stands for it", "make it an identity of Amazon SES")
    if not answered.is_success:
        return answered.trouble(what, mend="give the key ses:GetEmailIdentity")
    said = answered.said
    if said.get("VerifiedForSendingStatus") is not True:
        return blocks(what, f"{identity} is not verified", "publish the records that Amazon SES shows for it")
    signing = table(said.get("DkimAttributes"))
    if signing.get("SigningEnabled") is False or text(signing.get("Status")) != "SUCCESS":
        return problem(what, "verified, but not signed with DKIM", "switch Easy DKIM on for it")
    mail_from = table(said.get("MailFromAttributes"))
    if mail_from.get("MailFromDomain") and text(mail_from.get("MailFromDomainStatus")) != "SUCCESS":
        return problem(
            what, "verified; its MAIL FROM domain is not", "publish the MX and the TXT record of that domain"
        )
    return ok(what, "verified" if identity == domain else f"verified by {identity}")


def _dkim(identity: str, said: Mapping[str, Any]) -> list[str]:
    signing = table(said.get("DkimAttributes"))
    tokens = signing.get("Tokens")
    return [record_name(one, identity) for one in tokens or () if isinstance(one, str)]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
