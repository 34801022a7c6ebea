"""What a fake SparkPost tells of its account; tests change it as they go."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.testing.account_pages import SAMPLE
from newsletter.testing.fake_http import Response


@dataclass
class SparkPostPages:
    """Domains with the status of their DKIM record; what was sent of how many this month.

    Without `may_read` the key may only send.
    """

    domains: dict[str, str] = field(default_factory=lambda: {SAMPLE: "valid"})
    is_verified: bool = True
    compliance: str = "valid"
    status: str = "active"
    used: tuple[int, int] = (120, 50_000)
    replaces_header: bool = False
    may_read: bool = True

    def get(self, path: str, asked: Mapping[str, str]) -> Response | None:
        """Answer what is asked of the account; None for anything else."""
        domain = path.removeprefix("/api/v1/sending-domains/")
        if path != "/api/v1/account" and domain == path:
            return None
        if not self.may_read:
            return Response.of(403, {"errors": [{"message": "Forbidden."}]})
        if path == "/api/v1/account":
            used, limit = self.used
            usage = (
                {"usage": {"month": {"used": used, "limit": limit}}}
                if "usage" in asked.get("include", "")
                else {}
            )
            options = {"transactional_unsub": self.replaces_header}
            return Response.of(200, {"results": {"status": self.status, "options": options, **usage}})
        if domain not in self.domains:
            return None
        status = {"ownership_verified": self.is_verified, "dkim_status": self.domains[domain]}
        status |= {"compliance_status": self.compliance}
        dkim = {"selector": "scph1126", "public": "MIG", "headers": "from:to:subject:date"}
        return Response.of(200, {"results": {"status": status, "dkim": dkim}})
