"""One client of the fake mail server, from the greeting to the end of the connection."""

import re
import socket
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable
from typing import TYPE_CHECKING

from newsletter.providers.faking import NAME
from newsletter.testing.smtp_line import Gone, Line

if TYPE_CHECKING:
    from newsletter.testing.fake_smtp import FakeSmtp, Fault

_LONGEST_LINE = 1000
_PATH = re.compile(r"(?i)(?:FROM|TO):<([^<>\s]*)>((?: [A-Za-z0-9-]+(?:=\S+)?)*)")
_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
_WISHES = re.compile(rf"(?: NOTIFY=(?:NEVER|[A-Z]+(?:,[A-Z]+)*)| ORCPT=[a-z0-9-]+;{_XTEXT})+")
_HALF = 2
_GO_ON = "354 End with a dot"


class Visit:
    """What one client has said so far."""

    def __init__(
        self, service: "FakeSmtp", connection: socket.socket, keep: Callable[[socket.socket], None]
    ) -> None:
        self._service = service
        self._line = Line(connection, service.stopping, service.tls, keep)
        self._number = next(service.connections)
        self._is_known = self._is_greeted = False
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._mails = 0
        self._verbs: dict[str, Callable[[str], str]] = {
            "EHLO": self._ehlo,
            "HELO": self._ehlo,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: "250 2.0.0 OK",
        }

    def run(self) -> None:
        """Greet the client and answer its commands until one of the two goes."""
        try:
            self._line.hurry()
            if self._service.is_wrapped:
                self._line.wrap()
            self._meet("greeting", f"220 fake.example.org ESMTP {NAME}")
            while True:
                self._hear(self._line.read().decode("utf-8", "replace"))
        except (Gone, OSError):
            return

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()

    def _hear(self, command: str) -> None:
        self._service.heard.append((self._number, command))
        verb, _, rest = command.partition(" ")
        verb = verb.upper()
        if self._service.latency:
            self._service.stopping.wait(self._service.latency)
        if verb == "QUIT":
            self._line.say("221 2.0.0 Bye")
            raise Gone
        if self._line.held and not self._offers("PIPELINING"):
            self._line.say("503 5.5.0 Pipelining is not offered")
            raise Gone
        act = self._verbs.get(verb)
        fault = self._service.next_fault(verb)
        if fault is None:
            self._line.reply(act(rest) if act else "500 5.5.2 Command not recognised")
        else:
            # Half of a go-ahead is none: what comes then is no mail.
            self._fail(fault, lambda: _GO_ON if verb == "DATA" else act(rest) if act else "")
        if not self._line.held:
            self._line.flush()

    def _ehlo(self, rest: str) -> str:
        if not rest:
            return "501 5.5.4 A name is missing"
        self._is_greeted = True
        self._forget()
        lines = ["fake.example.org", *self._service.extensions]
        if self._service.tls and not self._line.is_private:
            lines.append("STARTTLS")
        lines.append(f"AUTH {self._service.ways_to_log_in}")
        return "\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    def _starttls(self, _: str) -> str:
        if not self._service.tls or self._line.is_private:
            return "503 5.5.1 STARTTLS is not offered"
        self._line.say("220 2.0.0 Go ahead")
        # Nothing that was said in the clear counts any more (RFC 3207 §4.2).
        self._line.held = b""
        self._is_greeted = False
        self._line.wrap()
        return ""

    def _auth(self, rest: str) -> str:
        if self._service.tls and not self._line.is_private:
            return "538 5.7.11 Encryption is required"
        way, _, first = rest.partition(" ")
        if way.upper() not in self._service.ways_to_log_in.split():
            return "504 5.5.4 Unknown way to log in"
        try:
            if way.upper() == "PLAIN":
                said = first or self._prompt("334 ")
                _, user, password = b64decode(said).decode().split("\0")
            else:
                user = b64decode(first or self._prompt("334 VXNlcm5hbWU6")).decode()
                password = b64decode(self._prompt("334 UGFzc3dvcmQ6")).decode()
        except (NoBase64, ValueError):
            return "501 5.5.2 This is no base64"
        wanted = self._service.password
        if wanted is not None and (user, password) != (self._service.user, wanted):
            return f"535 5.7.8 Authentication failed for {user} with {password}"
        self._is_known = True
        return "235 2.7.0 Welcome"

    def _mail(self, rest: str) -> str:
        if not self._is_greeted:
            return "503 5.5.1 EHLO comes first"
        if self._service.password is not None and not self._is_known:
            return "530 5.7.0 Authentication required"
        if self._sender is not None:
            return "503 5.5.1 There is a sender already"
        if self._service.most_mails is not None and self._mails >= self._service.most_mails:
            self._line.say("421 4.7.0 Too many messages on this connection")
            raise Gone
        found = _PATH.fullmatch(rest)
        if not found:
            return "501 5.5.4 Syntax: MAIL FROM:<address>"
        options = {name: value for name, _, value in (one.partition("=") for one in found[2].upper().split())}
        if wrong := self._wrong(found[1], options):
            return wrong
        self._sender = found[1]
        return "250 2.1.0 OK"

    def _wrong(self, address: str, options: dict[str, str]) -> str:
        known = {"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "RET": "DSN", "ENVID": "DSN"}
        if any(one not in known or not self._offers(known[one]) for one in options):
            return "555 5.5.4 Unsupported option"
        if not address.isascii() and "SMTPUTF8" not in options:
            return "553 5.6.7 The address is not ASCII"
        limit = next(
            (one.partition(" ")[2] for one in self._service.extensions if one.startswith("SIZE ")), ""
        )
        if limit and int(options.get("SIZE") or 0) > int(limit):
            return "552 5.3.4 Message too big"
        return ""

    def _rcpt(self, rest: str) -> str:
        found = _PATH.fullmatch(rest)
        if self._sender is None:
            return "503 5.5.1 MAIL comes first"
        if not found:
            return "501 5.1.3 Bad recipient address syntax"
        if not found[1].isascii() and not self._offers("SMTPUTF8"):
            return "553 5.6.7 The address is not ASCII"
        if found[2] and not (self._offers("DSN") and _WISHES.fullmatch(found[2])):
            return "555 5.5.4 Unsupported option"
        if found[1] in self._service.refuses:
            return self._service.refuses[found[1]]
        self._recipients.append(found[1])
        return "250 2.1.5 OK"

    def _data(self, _: str) -> str:
        if self._sender is None:
            return "503 5.5.1 MAIL comes first"
        if not self._recipients and not self._offers("X-LENIENT"):
            return "554 5.5.1 No valid recipients"
        self._line.say(_GO_ON)
        if self._service.next_fault("body"):
            self._line.receive()
            raise Gone
        raw = self._line.body()
        data = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n")[2:]
        fault = self._service.next_fault(".")
        sender, recipients = self._sender, tuple(self._recipients)
        self._forget()
        if fault is None or fault.accepts:
            refused = _flaw(raw) or ("" if recipients else "554 5.5.1 No valid recipients")
            said = refused or f"250 2.0.0 Ok: queued as {self._take(sender, recipients, data)}"
        else:
            said = fault.reply or "451 4.3.0 Try again later"
        if fault is not None:
            self._fail(fault, lambda: said)
            return ""
        return said

    def _take(self, sender: str, recipients: tuple[str, ...], data: bytes) -> str:
        self._mails += 1
        return self._service.accept(self._number, sender, recipients, data)

    def _rset(self, _: str) -> str:
        self._forget()
        return "250 2.0.0 OK"

    def _meet(self, at: str, reply: str) -> None:
        fault = self._service.next_fault(at)
        if fault is None:
            self._line.reply(reply)
        else:
            self._fail(fault, lambda: reply)
        self._line.flush()

    def _fail(self, fault: "Fault", proper: Callable[[], str]) -> None:
        match fault.does:
            case "say":
                self._line.say(fault.reply)
                if fault.reply.startswith("421"):
                    raise Gone
                return
            case "half":
                said = fault.reply or proper()
                self._line.break_off(said[: len(said) // _HALF])
            case "hang":
                self._line.flush()
                self._line.hang()
            case "leave":
                self._line.say(proper())
        raise Gone

    def _prompt(self, reply: str) -> str:
        self._line.say(reply)
        return self._line.read().decode("ascii", "replace")

    def _offers(self, extension: str) -> bool:
        return any(one.partition(" ")[0] == extension for one in self._service.extensions)

    def _forget(self) -> None:
        self._sender, self._recipients = None, []


def _flaw(raw: bytes) -> str:
    if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
        return "550 5.6.0 A line break of one character"
    if max(map(len, raw.split(b"\r\n"))) > _LONGEST_LINE - 2:
        return "554 5.6.0 A line is too long"
    return ""
