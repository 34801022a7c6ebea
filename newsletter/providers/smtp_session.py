"""One connection to a mail server: bounded in time and memory, and honest about what its failure proves.

Until the final dot has left nothing can have been accepted; after it, a lost answer proves nothing.
"""

import smtplib
import ssl
from collections.abc import Callable

from newsletter.domain.provider import Answer, Outcome, too_late
from newsletter.providers.answers import message_id, reason
from newsletter.providers.settings import MailServer, Secret
from newsletter.providers.smtp_answers import Said, Verb, refusal
from newsletter.providers.smtp_envelope import Envelope
from newsletter.providers.smtp_talk import CHUNK, Talk, Timer

_DOT = b".\r\n"
_FULL_STOP = b"\r\n."
_GOODBYE_SECONDS = 1.0


class Stopped(Exception):
    """The connection cannot be used any more; `is_stale` where nothing of a mail was sent on it."""

    def __init__(self, answer: Answer, *, is_stale: bool = False) -> None:
        super().__init__(answer.reason)
        self.answer = answer
        self.is_stale = is_stale


class Session:
    """A connection that was greeted, made private and logged in; it carries one mail after another."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._is_clean = True
        self.idle_since = 0.0

    @property
    def name(self) -> str:
        """Return what the server was told that this machine is called."""
        return self._talk.local_hostname

    def renew(self, timer: Timer, *, is_doubtful: bool) -> None:
        """Make a kept connection ready for the next call; raise Stopped where it is gone.

        A doubtful one is asked whether it is still there.
        """
        self._talk.timer = timer
        if self._is_clean and not is_doubtful:
            return
        try:
            said = self._ask(b"RSET\r\n" if not self._is_clean else b"NOOP\r\n", Verb.RSET)
        except OSError as error:
            raise _lost(error, is_stale=True) from error
        if not said.is_fine:
            raise Stopped(refusal(said), is_stale=True)
        self._is_clean = True

    def carry(self, envelope: Envelope, mail: bytes, may_start: Callable[[], bool]) -> Answer:
        """Hand over one mail; raise Stopped where the connection ends with it."""
        unfit = self._unfit(envelope, len(mail))
        if unfit is not None:
            return unfit
        try:
            refused = self._introduce(envelope, len(mail))
        except OSError as error:
            raise _lost(error, is_stale=True) from error
        if refused is not None:
            return refusal(refused)
        if self._talk.has_more:
            # It would be taken for the answer to the mail.
            raise Stopped(Answer(Outcome.DEFERRED, "the server spoke out of turn, nothing was sent"))
        if not may_start():
            # Without its final dot the mail means nothing.
            raise Stopped(too_late())
        try:
            self._talk.write(_stuffed(mail))
        except OSError as error:
            raise _lost(error) from error
        return self._finish()

    def close(self) -> None:
        """Say goodbye, and wait for nothing long."""
        try:
            if self._talk.sock is not None:
                self._talk.sock.settimeout(_GOODBYE_SECONDS)
                self._talk.sock.sendall(b"QUIT\r\n")
                self._talk.sock.recv(CHUNK)
        except OSError:
            # It has gone already.
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """End the connection without a word."""
        self._talk.close()

    def _unfit(self, envelope: Envelope, size: int) -> Answer | None:
        if envelope.is_international and not self._talk.has_extn("smtputf8"):
            whose = "recipient" if envelope.sender.isascii() else "sender"
            outcome = Outcome.REFUSED if whose == "recipient" else Outcome.MISCONFIGURED
            return Answer(
                outcome,
                f"the {whose}'s address is not ASCII, and the server offers no SMTPUTF8; nothing was sent",
            )
        limit = self._talk.esmtp_features.get("size", "")
        if limit.isdigit() and 0 < int(limit) < size:
            return Answer(
                Outcome.MISCONFIGURED,
                f"the mail has {size:,} bytes, and the server takes {int(limit):,}; nothing was sent",
            )
        return None

    def _introduce(self, envelope: Envelope, size: int) -> Said | None:
        """Name sender and recipient and ask for the mail; return the reply that refuses, if one does."""
        is_piped = self._talk.has_extn("pipelining")
        steps = self._steps(envelope, size)
        if is_piped:
            self._talk.write(b"".join(line for _, line in steps))
        refused: Said | None = None
        try:
            for verb, line in steps:
                said = self._read(verb) if is_piped else self._ask(line, verb)
                if said.is_goodbye or said.code < 0:
                    raise Stopped(refusal(refused or said), is_stale=refused is None)
                if not said.is_fine:
                    refused = refused or said
                elif refused is not None and verb is Verb.DATA:
                    # RFC 2920 §3.1: who asked for the data without a recipient ends them at once.
                    self._ask(_DOT, Verb.MESSAGE)
                if refused is not None and not is_piped:
                    break
        except OSError as error:
            if refused is None:
                raise
            raise Stopped(refusal(refused)) from error
        self._is_clean = refused is None
        return refused

    def _steps(self, envelope: Envelope, size: int) -> list[tuple[Verb, bytes]]:
        options = f" SIZE={size}" if self._talk.has_extn("size") else ""
        options += " BODY=8BITMIME SMTPUTF8" if envelope.is_international else ""
        is_told = self._talk.has_extn("dsn")
        options += envelope.mail_wishes if is_told else ""
        wishes = envelope.recipient_wishes if is_told else ""
        return [
            (Verb.MAIL, f"MAIL FROM:<{envelope.sender}>{options}\r\n".encode()),
            (Verb.RCPT, f"RCPT TO:<{envelope.recipient}>{wishes}\r\n".encode()),
            (Verb.DATA, b"DATA\r\n"),
        ]

    def _finish(self) -> Answer:
        try:
            # It leaves alone, so that a failure before it can prove that nothing was accepted.
            self._talk.write(_DOT)
            said = self._read(Verb.MESSAGE, patient=True)
        except OSError as error:
            what = f"the connection was lost after the mail, before an answer ({_named(error)})"
            raise Stopped(Answer(Outcome.UNKNOWN, reason(what))) from error
        if said.is_fine:
            return Answer(Outcome.ACCEPTED, status=said.code, request_id=message_id(said.text) or None)
        answer = refusal(said)
        if said.is_goodbye or answer.outcome is Outcome.UNKNOWN:
            raise Stopped(answer)
        self._is_clean = False
        return answer

    def _ask(self, line: bytes, verb: Verb) -> Said:
        self._talk.write(line)
        return self._read(verb)

    def _read(self, verb: Verb, *, patient: bool = False) -> Said:
        code, text = self._talk.read(patient=patient)
        return Said(verb, code, text.decode("utf-8", "replace"))


def open_session(
    server: MailServer,
    password: Secret | None,
    context: ssl.SSLContext,
    timer: Timer,
    name: str | None = None,
) -> Session:
    """Connect, make the connection private and log in; raise Stopped where one of them fails."""
    verb = Verb.CONNECT
    talk: Talk | None = None
    try:
        talk = Talk(server, context, timer, name)
        verb = Verb.EHLO
        talk.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            verb = Verb.STARTTLS
            talk.make_private()
            verb = Verb.EHLO
            talk.ehlo_or_helo_if_needed()
        if server.user and password:
            verb = Verb.AUTH
            _log_in(talk, server.user, password)
        return Session(talk)
    except OSError as error:
        if talk is not None:
            talk.close()
        raise Stopped(_why_not(error, verb, server)) from error


def _log_in(talk: Talk, user: str, password: Secret) -> None:
    # One way, tried once: smtplib's own login tries each in turn, which locks some accounts.
    ways = {"PLAIN": talk.auth_plain, "LOGIN": talk.auth_login}
    offered = talk.esmtp_features.get("auth", "").upper().split()
    way = next((one for one in ways if one in offered), None)
    if way is None:
        raise smtplib.SMTPNotSupportedError("no way to log in that is known here")
    talk.user, talk.password = user, password.reveal()
    try:
        talk.auth(way, ways[way])
    finally:
        # It would be kept for as long as the connection lives.
        talk.user = talk.password = ""


def _why_not(error: OSError, verb: Verb, server: MailServer) -> Answer:
    """Say why no connection came about: no mail has been spoken of."""
    match error:
        case smtplib.SMTPNotSupportedError() if verb is Verb.STARTTLS:
            return Answer(
                Outcome.MISCONFIGURED,
                f'{server} offers no STARTTLS, nothing was sent; is it security = "tls"?',
            )
        case smtplib.SMTPNotSupportedError():
            return Answer(
                Outcome.MISCONFIGURED,
                f"{server} offers no AUTH PLAIN or LOGIN to {server.user}, nothing was sent",
            )
        case smtplib.SMTPResponseException() if error.smtp_code > 0:
            text = error.smtp_error
            said = Said(
                verb, error.smtp_code, text if isinstance(text, str) else text.decode("utf-8", "replace")
            )
            return refusal(said)
        case ssl.SSLCertVerificationError():
            what = f"the certificate of {server} cannot be trusted, nothing was sent ({error.verify_message})"
            return Answer(Outcome.MISCONFIGURED, reason(what))
    return _lost(error).answer


def _lost(error: OSError, *, is_stale: bool = False) -> Stopped:
    what = reason(f"no connection, nothing was sent ({_named(error)})")
    return Stopped(Answer(Outcome.DEFERRED, what), is_stale=is_stale)


def _named(error: OSError) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _stuffed(mail: bytes) -> bytes:
    # RFC 5321 §4.5.2; a mail begins with a header, so never with a dot itself.
    return mail.replace(_FULL_STOP, _FULL_STOP + b".")
