"""SMTP: one mail a call over kept connections, to a server that passes it on (RFC 5321, RFC 6409).

There is no idempotency and nothing to ask: what is lost after the final dot stays unknown.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import chain

from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message, Recipient, sender_domain
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Mailing,
    Outcome,
    Provider,
    Recovery,
    Request,
    always,
)
from newsletter.errors import ProviderError
from newsletter.providers.answers import message_id, reason
from newsletter.providers.dkim import Dkim, open_dkim
from newsletter.providers.headers import ascii_address, split_mailbox
from newsletter.providers.mime import Fill, compile_mime
from newsletter.providers.settings import (
    MailServer,
    ProviderSettings,
    Secret,
    is_loopback,
    read_secret,
)
from newsletter.providers.smtp_envelope import Envelope, is_host, return_path, spot
from newsletter.providers.smtp_greeting import greet
from newsletter.providers.smtp_session import Session, Stopped, open_session
from newsletter.providers.smtp_talk import Patience, Timer

PASSWORD = "SMTP_PASSWORD"  # noqa: S105 - the name of a variable
_SECURITIES = ("starttls", "tls", "none")
#: After so long without a mail a kept connection is asked whether it is still there.
_DOUBTFUL_AFTER = 5.0
_REFERENCE = "{reference}"
#: Makes a mail of its parts and of the instant of its mailing.
Seal = Callable[[tuple[bytes, ...], datetime], bytes]


class Smtp(Provider):
    """One mail server, and as many connections as threads call at once; each is kept for the next call."""

    def __init__(
        self,
        server: MailServer,
        password: Secret | None = None,
        patience: Patience | None = None,
        *,
        dkim: Dkim | None = None,
        context: ssl.SSLContext | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self._password = password
        self._dkim = dkim
        self._patience = patience or Patience()
        self._context = context
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._is_closed = False
        #: Looked up once: it may take a question to a name server.
        self._own_name: str | None = None

    @cached_property
    def capabilities(self) -> Capabilities:
        # An answer speaks of all recipients of a call, so that only a call of one is always told truly.
        return Capabilities(
            name="smtp", batch_size=1, call_timeout=self._patience.call, recovery=Recovery.NONE
        )

    def compile(self, message: Message) -> Callable[[Mailing], "SmtpCall"]:
        """Encode a message once as MIME.

        Raises ProviderError where the sender has no address for an envelope, and as `Dkim.signs_for`.
        """
        fill_at, seal = compile_mime(message), self._seal(message)
        sender = return_path(self.server.return_path or split_mailbox(message.sender)[1])
        return lambda mailing: SmtpCall(self, fill_at(mailing.date), sender, mailing, seal)

    def _seal(self, message: Message) -> Seal:
        """Return what makes the mail of its parts, signed where there is a key."""
        dkim = self._dkim
        if dkim is None:
            return lambda parts, _: b"".join(parts)
        domain = dkim.signs_for(sender_domain(ascii_address(split_mailbox(message.sender)[1])))
        return lambda parts, at: dkim.seal(b"".join(parts), domain, at)

    def carry(self, envelope: Envelope, mail: bytes, timer: Timer, may_start: Callable[[], bool]) -> Answer:
        """Hand over one mail; where a kept connection turns out to be gone before it, open another."""
        try:
            session = self._kept(timer)
            if session is not None:
                try:
                    return self._use(session, envelope, mail, may_start)
                except Stopped as stopped:
                    if not stopped.is_stale:
                        raise
            return self._use(self._open(timer), envelope, mail, may_start)
        except Stopped as stopped:
            return self._without_password(stopped.answer)

    def close(self) -> None:
        """Say goodbye on every connection; one that is in use ends with its call."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def examine(self, domains: Sequence[str]) -> Examination:
        """Log in and say goodbye; a server is asked nothing else."""
        return greet(self.server, self._meet, domains, self._dkim)

    def _meet(self) -> Answer | None:
        try:
            self._open(self.timer()).close()
        except Stopped as stopped:
            return self._without_password(stopped.answer)
        return None

    def timer(self) -> Timer:
        """Start the time of a call."""
        return Timer(self._elapsed, self._patience)

    def _use(
        self, session: Session, envelope: Envelope, mail: bytes, may_start: Callable[[], bool]
    ) -> Answer:
        try:
            answer = session.carry(envelope, mail, may_start)
        except BaseException:
            session.drop()
            raise
        self._keep(session)
        return self._without_password(answer)

    def _kept(self, timer: Timer) -> Session | None:
        while True:
            with self._lock:
                # The one used last, so that those that are not needed are closed by the server.
                session = self._idle.pop() if self._idle else None
            if session is None:
                return None
            try:
                session.renew(timer, is_doubtful=self._elapsed() - session.idle_since >= _DOUBTFUL_AFTER)
            except Stopped:
                session.drop()
            else:
                return session

    def _keep(self, session: Session) -> None:
        session.idle_since = self._elapsed()
        with self._lock:
            if not self._is_closed:
                self._idle.append(session)
                return
        session.close()

    def _open(self, timer: Timer) -> Session:
        session = open_session(self.server, self._password, self._tls, timer, self._own_name)
        self._own_name = session.name
        return session

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # It verifies the certificate and the name; SSL_CERT_FILE adds an authority of one's own.
        return self._context or ssl.create_default_context()

    def _without_password(self, answer: Answer) -> Answer:
        if self._password is None or self._password.reveal() not in answer.reason:
            return answer
        return replace(answer, reason=answer.reason.replace(self._password.reveal(), "***"))


def open_smtp(settings: ProviderSettings) -> Provider:
    """Open the mail server of the settings; nothing is connected yet.

    Raises ProviderError where it cannot be used, or would be in the clear.
    """
    server = settings.server
    if settings.base_url:
        raise ProviderError("smtp has no base_url", mend="write host and port in [provider]")
    if not server.host or not is_host(server.host):
        named = f"{server.host!r} is no host" if server.host else "smtp has no host"
        raise ProviderError(named, mend='write host = "smtp.example.org" in [provider]')
    if server.security not in _SECURITIES:
        raise ProviderError(
            f"there is no security {server.security!r}", mend='write "starttls", "tls" or "none"'
        )
    if server.security == "none" and not is_loopback(server.host):
        raise ProviderError(
            f"{server.host} would get the mails in the clear",
            mend='write security = "starttls" or "tls"; "none" is for this machine only',
        )
    if not server.user.isascii() or not server.user.isprintable():
        raise ProviderError("the user of smtp is not ASCII", mend="write user as the provider shows it")
    if server.return_path:
        return_path(server.return_path)
    password = read_secret(settings.environment, PASSWORD, what="password") if server.user else None
    return Smtp(server, password, dkim=open_dkim(server, settings.environment))


@dataclass(frozen=True)
class SmtpCall:
    """The mails of one batch; the engine makes calls of one."""

    provider: Smtp
    fill: Fill
    sender: str
    mailing: Mailing
    seal: Seal

    def request(self) -> Request:
        """Show the envelope and the mail of the first recipient."""
        first = self.mailing.recipients[0]
        envelope, server = self._envelope(first), self.provider.server
        headers = {"MAIL FROM": f"<{envelope.sender}>", "RCPT TO": f"<{envelope.recipient}>"}
        if server.user:
            headers = {"AUTH": f"{server.user} ***", **headers}
        body = self.seal(tuple(chain.from_iterable(self.fill([first]))), self.mailing.date)
        return Request("SMTP", f"smtp://{server} ({server.security})", headers, body)

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Hand over one mail after the other; one that is neither accepted nor refused ends the call."""
        timer = self.provider.timer()
        recipients = self.mailing.recipients
        answers: dict[int, Answer] = {}
        for recipient, parts in zip(recipients, self.fill(recipients), strict=True):
            answer = self._carry(recipient, parts, timer, may_start)
            if answer.outcome not in (Outcome.ACCEPTED, Outcome.REFUSED):
                return _broken_off(answers.values(), answer)
            answers[recipient.pos] = answer
        return self._together(answers)

    def _carry(
        self, recipient: Recipient, parts: tuple[bytes, ...], timer: Timer, may_start: Callable[[], bool]
    ) -> Answer:
        envelope = self._envelope(recipient)
        if not envelope.recipient:
            return Answer(
                Outcome.REFUSED, reason(f"{recipient.address!r} cannot be an address; nothing was sent")
            )
        return self.provider.carry(envelope, self.seal(parts, self.mailing.date), timer, may_start)

    def _envelope(self, recipient: Recipient) -> Envelope:
        sender = self.sender.replace(_REFERENCE, recipient.reference)
        name = (recipient.reference or recipient.message_id) if self.provider.server.dsn else ""
        return Envelope(sender, spot(recipient.address), name)

    def _together(self, answers: dict[int, Answer]) -> Answer:
        refused = {pos: one for pos, one in answers.items() if one.outcome is Outcome.REFUSED}
        if answers and len(refused) == len(answers):
            return next(iter(refused.values()))
        last = next((one for one in reversed(answers.values()) if one.outcome is Outcome.ACCEPTED), None)
        # By its Message-ID mailboxes and most logs know a mail; the server's own name is with the attempt.
        ids = {
            one.pos: message_id(one.message_id)
            for one in self.mailing.recipients
            if answers[one.pos].outcome is Outcome.ACCEPTED
        }
        return Answer(
            Outcome.ACCEPTED,
            ids=ids,
            rejected={pos: one.reason for pos, one in refused.items()},
            status=last.status if last else None,
            request_id=last.request_id if last else None,
        )


def _broken_off(before: Iterable[Answer], answer: Answer) -> Answer:
    """Say what is true of all recipients of a call: where some were accepted, the others stay unknown."""
    if not any(one.outcome is Outcome.ACCEPTED for one in before):
        return answer
    return replace(answer, outcome=Outcome.UNKNOWN, reason=f"some were accepted, then {answer.reason}")
