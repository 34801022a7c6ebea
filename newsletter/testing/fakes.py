"""The fakes that a person can start."""

from collections.abc import Callable, Mapping
from pathlib import Path

from newsletter.domain.slugs import offer
from newsletter.errors import UnknownTarget
from newsletter.signals import end_like_ctrl_c
from newsletter.testing import (
    fake_brevo,
    fake_mailersend,
    fake_mailgun,
    fake_mailjet,
    fake_mandrill,
    fake_postmark,
    fake_resend,
    fake_sendgrid,
    fake_ses,
    fake_smtp,
    fake_sparkpost,
)

_FAKES: Mapping[str, Callable[[int, Path | None], None]] = {
    "brevo": fake_brevo.serve,
    "mailersend": fake_mailersend.serve,
    "mailgun": fake_mailgun.serve,
    "mailjet": fake_mailjet.serve,
    "mandrill": fake_mandrill.serve,
    "postmark": fake_postmark.serve,
    "resend": fake_resend.serve,
    "sendgrid": fake_sendgrid.serve,
    "ses": fake_ses.serve,
    "smtp": fake_smtp.serve,
    "sparkpost": fake_sparkpost.serve,
}


def serve_fake(name: str, port: int, log: Path | None) -> None:
    """Run a fake provider until it is interrupted."""
    if name not in _FAKES:
        raise UnknownTarget(f"there is no fake of {name!r}", mend=offer(name, _FAKES))
    end_like_ctrl_c()
    _FAKES[name](port, log)
