"""What a fake Mandrill tells of its account; tests change it as they go."""

from dataclasses import dataclass, field

from newsletter.testing.account_pages import SAMPLE
from newsletter.testing.fake_http import Response


@dataclass
class MandrillPages:
    """Domains, whether SPF, DKIM and the owner of each are verified; how many an hour, and how many wait."""

    domains: dict[str, tuple[bool, bool, bool]] = field(default_factory=lambda: {SAMPLE: (True, True, True)})
    quota: int = 500
    waiting: int = 0

    def get(self, name: str) -> Response | None:
        """Answer what is asked of the account; None for anything else."""
        if name == "users/info":
            said = {"username": "rehearsal", "reputation": 80, "hourly_quota": self.quota}
            return Response.of(200, {**said, "backlog": self.waiting})
        return Response.of(200, list(map(self._row, self.domains))) if name == "senders/domains" else None

    def _row(self, domain: str) -> dict[str, object]:
        spf, dkim, owner = self.domains[domain]
        valid = {"spf": {"valid": spf}, "dkim": {"valid": dkim}, "valid_signing": spf and dkim and owner}
        return {"domain": domain, "verified_at": "2026-01-05 09:00:00" if owner else None, **valid}
