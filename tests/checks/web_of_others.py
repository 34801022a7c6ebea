"""A web server on this machine that answers as pages of others do, and keeps what it was asked."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

HERE = "127.0.0.1"
#: What each path answers: the status, where it redirects to, the kind of what it sends.
PATHS: dict[str, tuple[int, str, str]] = {
    "/": (200, "", "text/html"),
    "/a.png": (200, "", "image/png"),
    "/gone": (410, "", ""),
    "/none": (404, "", ""),
    "/members": (403, "", ""),
    "/busy": (429, "", ""),
    "/broken": (500, "", ""),
    "/moved": (301, "/", ""),
    "/moved-for-good": (308, "/moved", ""),
    "/detour": (302, "/", ""),
    "/moved-to-nothing": (301, "/none", ""),
    "/elsewhere": (302, "http://www.other.example.net:{port}/", ""),
    "/sister": (301, "http://www.example.org:{port}/", ""),
    "/inside": (302, "http://router.example.org:{port}/", ""),
    "/to-a-file": (302, "file:///etc/passwd", ""),
    "/to-rubbish": (302, "http://[::1", ""),
    "/to-a-password": (302, "http://ada:secret@shop.example.org:{port}/", ""),
    "/round": (302, "/round", ""),
}
#: What stands in the pages that have something in them.
PAGES: dict[str, bytes] = {
    "/page": '<h2 id="rows">Rows</h2><a name="old"></a><p id="bäume">Sow.</p>'.encode(),
    "/scripted": b'<h2 id="rows">Rows</h2><script>grow()</script>',
    "/latin": "<p>Für Bäume.</p>".encode("latin-1"),
    "/long": b"<p>Sow.</p>" * 100_000,
    "/packed": b"\x1f\x8b",
    "/broken-off": b"<p>Sow",
}
HEADERS = {"/packed": ("Content-Encoding", "gzip"), "/broken-off": ("Content-Length", "900")}


@dataclass
class Others:
    """The server: its port, and every question as (method, path, headers)."""

    port: int
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "shop.example.org") -> str:
        return f"http://{host}:{self.port}{path}"

    def resolve(self, host: str, port: int) -> list[str]:
        """Every name is this machine, but for one that is inside a private network."""
        return {"router.example.org": ["93.184.215.14", "10.0.0.1"], "empty.example.org": []}.get(
            host, [HERE]
        )


@contextmanager
def others() -> Iterator[Others]:
    class Answering(BaseHTTPRequestHandler):
        def do_HEAD(self):
            web.asked.append((self.command, self.path, dict(self.headers)))
            path = self.path.partition("?")[0]
            status, leads, kind = PATHS.get(path, (200, "", "text/html"))
            if path == "/no-head":
                status = 405 if self.command == "HEAD" else 206
            self.send_response(status)
            if leads:
                self.send_header("Location", leads.format(port=web.port))
            if kind:
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
            if path in HEADERS:
                self.send_header(*HEADERS[path])
            self.end_headers()
            if self.command == "GET":
                with suppress(OSError):
                    self.wfile.write(PAGES.get(path, b""))

        do_GET = do_HEAD  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((HERE, 0), Answering) as server:
        web = Others(server.server_port)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield web
        server.shutdown()
        thread.join()
