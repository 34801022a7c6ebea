"""A name server on 127.0.0.1 that answers over UDP from a few records."""

import threading
from collections.abc import Mapping, Sequence
from socketserver import BaseRequestHandler, ThreadingUDPServer
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

#: RFC 6376 appendix C, of 1,024 bits.
RFC_KEY = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq"
    "631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
)
_CHECK_AGAIN = 0.02


class NameServer:
    """Answers while the context is open; `records` has texts by name and type, such as "example.org MX".

    A name in `broken` is answered with SERVFAIL; `asked` has every question, in order.
    """

    def __init__(self, records: Mapping[str, Sequence[str]], broken: Sequence[str] = ()) -> None:
        self.records = dict(records)
        self.broken = set(broken)
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = ThreadingUDPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_CHECK_AGAIN,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, packet: bytes) -> bytes:
        question = dns.message.from_wire(packet)
        asked = question.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append(f"{name} {kind}")
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif texts := self.records.get(f"{name} {kind}"):
            shown = [_quoted(text) if kind == "TXT" else text for text in texts]
            reply.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *shown))
        elif not any(one.partition(" ")[0] == name for one in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()

    def _handler(self) -> type[BaseRequestHandler]:
        answer = self.answer

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                packet, socket = self.request
                socket.sendto(answer(packet), self.client_address)

        return Handler


def _quoted(text: str) -> str:
    # A string of a record holds 255 bytes; longer texts have several.
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
