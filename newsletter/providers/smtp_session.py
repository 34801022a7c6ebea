"""One connection to a mail server: bounded in time and memory, and honest about what its failure proves.

Until the final dot has left nothing can have been accepted; after it, a lost answer proves nothing.
"""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from newsletter.domain.provider import Answer, Outcome, too_late
from newsletter.providers.answers import message_id, reason
from newsletter.providers.settings import MailServer, Secret
from newsletter.providers.smtp_answers import Said, Verb, refusal

_LONGEST_LINE = 8192
_MOST_LINES = 100
_CHUNK = 8192
_READY = 220
_DOT = b".\r\n"
_FULL_STOP = b"\r\n."
_GOODBYE_SECONDS = 1.0


@dataclass(frozen=True)
class Patience:
    """How long to wait: for a connection, for each reply, and for a whole call, which bounds the last one."""

    connect: timedelta = timedelta(seconds=10)
    reply: timedelta = timedelta(seconds=30)
    # RFC 5321 §4.5.3.2 asks for minutes after the final dot: what is lost there is unknown for ever.
    call: timedelta = timedelta(minutes=2)


class Stopped(Exception):
    """The connection cannot be used any more; `is_stale` where nothing of a mail was sent on it."""

    def __init__(self, answer: Answer, *, is_stale: bool = False) -> None:
        super().__init__(answer.reason)
        self.answer = answer
        self.is_stale = is_stale


class Timer:
    """The end of one call, which starts now."""

    def __init__(self, elapsed: Callable[[], float], patience: Patience) -> None:
        self._elapsed = elapsed
        self._reply = patience.reply.total_seconds()
        self._end = elapsed() + patience.call.total_seconds()

    def left(self, *, patient: bool = False) -> float:
        """Return for how many seconds to wait next; raise TimeoutError where there are none left."""
        left = self._end - self._elapsed()
        if left <= 0:
            raise TimeoutError("the call took too long")
        return left if patient else min(left, self._reply)


@dataclass(frozen=True)
class Envelope:
    """Who a mail is from and for, as the server is told; both are addresses and nothing else."""

    sender: str
    recipient: str

    @property
    def is_international(self) -> bool:
        return not (self.sender.isascii() and self.recipient.isascii())


class _Talk(smtplib.SMTP):
    """smtplib's part: greeting, TLS and logging in. Replies are read here: by the line, to a cap, in time."""

    timer: Timer

    def __init__(self, server: MailServer, context: ssl.SSLContext, timer: Timer, name: str | None) -> None:
        self.timer = timer
        self._held = b""
        self._context = context
        self._name = server.host or ""
        self._is_wrapped = server.security == "tls"
        super().__init__(self._name, server.number, name, timer.left())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # What smtplib's own class for TLS does, which takes no other reader of replies.
        connection = socket.create_connection((host, port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(connection, server_hostname=host) if self._is_wrapped else connection

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply of one or more lines."""
        return self.read()

    def read(self, *, patient: bool = False) -> tuple[int, bytes]:
        """Read one reply; a code of -1 says that it is none. The connection is closed where it is lost."""
        try:
            return self._reply(patient=patient)
        except OSError:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Hand over everything, or raise."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.sock.settimeout(self.timer.left())
        self.sock.sendall(data)

    def make_private(self) -> None:
        """Go on under TLS."""
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("STARTTLS is not offered")
        code, text = self.docmd("STARTTLS")
        if code != _READY:
            raise smtplib.SMTPResponseException(code, text)
        if self._held or self.sock is None:
            # Somebody in between could put replies there (CVE-2011-0411), which smtplib does not look for.
            raise smtplib.SMTPServerDisconnected("the server spoke before the connection was private")
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)
        # Nothing that was said in the clear counts any more (RFC 3207 §4.2).
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features, self.does_esmtp = {}, False

    def _reply(self, *, patient: bool) -> tuple[int, bytes]:
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = self._line(patient=patient)
            if not re.match(rb"[2-5][0-9]{2}(?:[ -]|$)", line):
                return -1, line
            lines.append(line[4:])
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise smtplib.SMTPServerDisconnected("the reply has too many lines")

    def _line(self, *, patient: bool) -> bytes:
        while b"\n" not in self._held:
            if self.sock is None or len(self._held) > _LONGEST_LINE:
                raise smtplib.SMTPServerDisconnected("the reply has no end")
            self.sock.settimeout(self.timer.left(patient=patient))
            if not (received := self.sock.recv(_CHUNK)):
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            self._held += received
        line, _, self._held = self._held.partition(b"\n")
        return line.rstrip()


class Session:
    """A connection that was greeted, made private and logged in; it carries one mail after another."""

    def __init__(self, talk: _Talk) -> None:
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
                self._talk.sock.recv(_CHUNK)
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
        return [
            (Verb.MAIL, f"MAIL FROM:<{envelope.sender}>{options}\r\n".encode()),
            (Verb.RCPT, f"RCPT TO:<{envelope.recipient}>\r\n".encode()),
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
    talk: _Talk | None = None
    try:
        talk = _Talk(server, context, timer, name)
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


def _log_in(talk: _Talk, user: str, password: Secret) -> None:
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
