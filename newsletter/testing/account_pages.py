"""What a fake account tells of itself, as each provider words it; tests change it as they go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.testing.fake_http import Response
from newsletter.testing.postmark_rules import Server

#: The domain of the sample letter.
SAMPLE = "news.example.org"
_CREATED = "2026-01-05T09:00:00.000000+00:00"


@dataclass
class ResendPages:
    """Domains with their status; with `may_only_send` a key is told none. `used` are headers of the list."""

    domains: dict[str, str] = field(default_factory=lambda: {SAMPLE: "verified"})
    may_only_send: bool = False
    used: Mapping[str, str] = field(default_factory=lambda: {"x-resend-monthly-quota": "0"})

    def get(self, path: str) -> Response | None:
        """Answer what is asked of domains; None for anything else."""
        if not path.startswith("/domains"):
            return None
        if self.may_only_send:
            said = "This API key is restricted to only send emails"
            return Response.of(401, {"statusCode": 401, "name": "restricted_api_key", "message": said})
        rows = {f"d-{domain}": self._row(domain) for domain in self.domains}
        name = path.removeprefix("/domains").strip("/")
        if not name:
            listed = {"object": "list", "has_more": False, "data": list(rows.values())}
            return Response.of(200, listed, self.used)
        if name not in rows:
            return Response.of(404, {"statusCode": 404, "name": "not_found", "message": "Domain not found"})
        # Names are relative to the registered domain, of which ours has two labels.
        below = ".".join(["", *rows[name]["name"].split(".")[:-2]])
        records = [
            {"record": "SPF", "name": f"send{below}", "type": "MX", "status": "verified"},
            {"record": "SPF", "name": f"send{below}", "type": "TXT", "status": "verified"},
            {"record": "DKIM", "name": f"resend._domainkey{below}", "type": "TXT", "status": "verified"},
        ]
        return Response.of(200, {"object": "domain", **rows[name], "records": records})

    def _row(self, domain: str) -> dict[str, str]:
        status = self.domains[domain]
        return {
            "id": f"d-{domain}",
            "name": domain,
            "status": status,
            "created_at": _CREATED,
            "region": "eu-west-1",
        }


def postmark_page(server: Server, path: str) -> Response | None:
    """Answer what is asked of a server and its streams; None for anything else."""
    if path == "/server":
        kind = "Sandbox" if server.is_sandbox else "Live"
        said = {"ID": 1, "Name": "rehearsal", "DeliveryType": kind, "TrackOpens": server.tracks_opens}
        return Response.of(200, said)
    name = path.removeprefix("/message-streams/")
    if name == path:
        return None
    if name not in server.streams:
        return Response.of(422, {"ErrorCode": 1226, "Message": "The message stream was not found."})
    kind = server.streams[name]
    handling = server.unsubscribes if kind == "Broadcasts" else "None"
    stream = {
        "ID": name,
        "MessageStreamType": kind,
        "ArchivedAt": _CREATED if name in server.archived else None,
        "SubscriptionManagementConfiguration": {"UnsubscribeHandlingType": handling},
    }
    return Response.of(200, stream)


@dataclass
class MailgunPages:
    """Domains with their state, None for any domain; `limit` is one that the account set itself, a month."""

    domains: dict[str, str] | None = None
    kind: str = "custom"
    tracks_unsubscribes: bool = False
    limit: int | None = None
    used: int = 0

    def domain(self, name: str) -> Response:
        """Tell of a domain and its records."""
        if self.domains is not None and name not in self.domains:
            return Response.of(404, {"message": "Domain not found"})
        state = self.domains[name] if self.domains else "active"
        records = [
            {
                "record_type": "TXT",
                "name": name,
                "value": "v=spf1 include:mailgun.org ~all",
                "valid": "valid",
            },
            {"record_type": "TXT", "name": f"pic._domainkey.{name}", "valid": "valid", "is_active": True},
            {"record_type": "TXT", "name": f"old._domainkey.{name}", "valid": "valid", "is_active": False},
        ]
        about = {"name": name, "state": state, "type": self.kind, "is_disabled": state == "disabled"}
        return Response.of(
            200, {"domain": about, "sending_dns_records": records, "receiving_dns_records": []}
        )

    def tracking(self) -> Response:
        """Tell what the provider adds to mails."""
        off = {"active": False}
        on = {"open": off, "click": off, "unsubscribe": {"active": self.tracks_unsubscribes}}
        return Response.of(200, {"tracking": on})

    def monthly(self) -> Response:
        """Tell the limit."""
        if self.limit is None:
            return Response.of(404, {"message": "No threshold for account"})
        return Response.of(200, {"limit": self.limit, "current": self.used, "period": "1m"})


@dataclass
class SesPages:
    """Identities that are verified, None for any domain; where mails of them bounce to; who may get mail."""

    identities: dict[str, bool] | None = None
    mail_from: str = ""
    mail_from_status: str = "SUCCESS"
    signs: bool = True
    is_out_of_sandbox: bool = True
    is_enabled: bool = True

    def account(self) -> dict[str, bool]:
        """Tell what the account may do."""
        return {"SendingEnabled": self.is_enabled, "ProductionAccessEnabled": self.is_out_of_sandbox}

    def identity(self, name: str) -> Response | None:
        """Tell of an identity; None where there is none."""
        if self.identities is not None and name not in self.identities:
            return None
        is_verified = self.identities is None or self.identities[name]
        signing = {
            "SigningEnabled": self.signs,
            "Status": "SUCCESS" if self.signs else "NOT_STARTED",
            "Tokens": ["token1", "token2", "token3"],
        }
        bounces = {"MailFromDomain": self.mail_from, "MailFromDomainStatus": self.mail_from_status}
        said = {"IdentityType": "DOMAIN", "VerifiedForSendingStatus": is_verified, "DkimAttributes": signing}
        return Response.of(200, {**said, **({"MailFromAttributes": bounces} if self.mail_from else {})})
