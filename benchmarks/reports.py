"""Post single reports of Resend to /webhooks/resend, so many a second, until the input ends.

    python benchmarks/reports.py URL PER_SECOND BATCHES MEMBERS DEPLOYMENT SECRET

It prints how many were posted, the seconds that it took, and the median and the 99th percentile of the
seconds until the answer, from the moment at which a report was due.
"""

import http.client
import json
import random
import statistics
import sys
import threading
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from newsletter.testing.reports import resend_report

CONNECTIONS = 16
_NAMES = ("email.sent", "email.delivered", "email.delivered", "email.delivered", "email.opened")


def main() -> None:
    url, per_second, batches, members, deployment, secret = sys.argv[1:]
    clients = [
        _Client(
            number, url, float(per_second) / CONNECTIONS, (int(batches), int(members)), deployment, secret
        )
        for number in range(CONNECTIONS)
    ]
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    threads = [threading.Thread(target=client.run, args=(is_over,)) for client in clients]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = sorted(one for client in clients for one in client.took)
    seconds = time.perf_counter() - start
    print(json.dumps([len(took), seconds, statistics.median(took), took[int(len(took) * 0.99)]]))


class _Client:
    def __init__(
        self, number: int, url: str, per_second: float, size: tuple[int, int], deployment: str, secret: str
    ) -> None:
        self.took: list[float] = []
        self._number = number
        self._where = urlsplit(url)
        self._every = 1 / per_second
        self._size = size
        self._deployment = deployment
        self._secret = secret
        self._random = random.Random(number)

    def run(self, is_over: threading.Event) -> None:
        connection = http.client.HTTPConnection(self._where.hostname or "", self._where.port)
        due = time.perf_counter() + self._every * self._number / CONNECTIONS
        while not is_over.is_set():
            report = self._report()
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", "/webhooks/resend", report.body, dict(report.headers))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            self.took.append(time.perf_counter() - due)
            due += self._every

    def _report(self):
        batches, members = self._size
        pick = self._random.randrange
        reference = f"nl-{self._deployment}-1-{1 + pick(batches)}-0-{pick(members)}"
        message = {
            "from": "weekly@news.example.org",
            "to": ["somebody@example.org"],
            "subject": "Lower back: where the ache comes from",
            "tags": [{"name": "reference", "value": reference}],
        }
        return resend_report(self._secret, self._random.choice(_NAMES), message, datetime.now(UTC))


if __name__ == "__main__":
    main()
