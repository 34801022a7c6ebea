"""Leave over HTTP as mail clients do (RFC 8058), 50 a second, until the tokens or the input end.

    python benchmarks/leavers.py URL

Tokens come on the input, one a line, and an empty line after the last. It prints the median and the 99th
percentile of the seconds until the answer.
"""

import http.client
import json
import statistics
import sys
import threading
import time
from urllib.parse import urlsplit

EVERY = 1 / 50
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


def main() -> None:
    where = urlsplit(sys.argv[1])
    tokens = list(iter(sys.stdin.readline, "\n"))
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
    connection = http.client.HTTPConnection(where.hostname or "", where.port)
    took = []
    due = time.perf_counter()
    for token in tokens:
        if is_over.is_set():
            break
        # From the moment it was due: an answer that comes late makes the next one late, too.
        time.sleep(max(0.0, due - time.perf_counter()))
        connection.request("POST", f"/u/{token.strip()}", b"List-Unsubscribe=One-Click", _HEADERS)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        took.append(time.perf_counter() - due)
        due = max(due + EVERY, time.perf_counter() - EVERY)
    print(json.dumps([statistics.median(took), sorted(took)[int(len(took) * 0.99)]]))


if __name__ == "__main__":
    main()
