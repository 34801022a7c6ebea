"""How many mails a second go out by SMTP, over 8 connections to a server on this machine.

    .venv/bin/python benchmarks/smtp.py

The server is the fake, in a process of its own; it reads every mail to its end and checks its lines.
Median of 5.
"""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from personalisation import DATE, NAME, issue

from newsletter.domain.message import Message, Recipient
from newsletter.domain.provider import Mailing, Outcome
from newsletter.interpreter import prepare_for_bulk
from newsletter.providers.settings import MailServer
from newsletter.providers.smtp import Smtp

CONNECTIONS, MAILS, ROUNDS = 8, 200, 5
SINK = """
import sys
from newsletter.testing.fake_smtp import FakeSmtp
with FakeSmtp(keeps_bodies=False) as fake:
    print(fake.port, flush=True)
    sys.stdin.read()
"""


def main() -> None:
    prepare_for_bulk()
    small = replace(issue(), html=("<p>Hello ", NAME, "</p>\n" * 400), text=("Hello ", NAME, ".\n" * 200))
    with sink() as port, closing(Smtp(MailServer("127.0.0.1", port, "none"))) as smtp:
        for message in (small, issue()):
            rates = [rate(smtp, message) for _ in range(ROUNDS)]
            size = len(smtp.compile(message)(mailing(1)).request().body)
            print(f"{size / 1000:.0f} KB, {CONNECTIONS} connections: {statistics.median(rates):,.0f} mails/s")


def rate(smtp: Smtp, message: Message) -> float:
    """Send so many mails over every connection; return mails a second."""
    compiled = smtp.compile(message)

    def send(first: int) -> None:
        for number in range(first, first + MAILS):
            assert compiled(mailing(number)).make().outcome is Outcome.ACCEPTED

    threads = [threading.Thread(target=send, args=(n * MAILS,)) for n in range(CONNECTIONS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CONNECTIONS * MAILS / (time.perf_counter() - start)


def mailing(number: int) -> Mailing:
    """Address one reader, as the engine does."""
    url = f"https://news.example.org/u/v1.k1.u.{'A' * 40}{number}"
    reader = Recipient(
        0, number, f"reader{number}@example.org", f"Reader {number}", f"<{number}@example.org>", url, url
    )
    return Mailing("nl-1-1-1-0", [reader], DATE, "bench")


@contextmanager
def sink() -> Iterator[int]:
    """Run the fake in a process of its own; give its port."""
    argv = [sys.executable, "-c", SINK]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    main()
