"""Send: what `run --once --dry-run` shows of the calls that are due."""

from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.cli.printing import muted, number, say, say_table

if TYPE_CHECKING:
    from newsletter.app import App


def say_due_calls(app: "App", out: Path | None) -> None:
    """Print each call that is due, and the first request whole; keep the bytes of all in a folder."""
    from newsletter.operating import rehearsed_engine  # noqa: PLC0415 - slow to import

    seen: set[str] = set()
    rows = []
    with rehearsed_engine(app) as engine:
        for count, call in enumerate(engine.due_calls(), 1):
            rows.append((call.target, call.provider, call.recipients))
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                (out / f"{count:05}-{call.target.replace('/', '-')}.body").write_bytes(call.request.body)
            if call.target not in seen:
                seen.add(call.target)
                first = call.request
    if not rows:
        say("nothing is due")
        return
    say_table(["issue", "provider", "recipients"], rows, right=(2,))
    say()
    say(f"the first request of {rows[-1][0]}:" if len(seen) == 1 else "the first request of the last issue:")
    say(f"{first.method} {first.url}")
    for name, value in first.headers.items():
        say(f"{name}: {value}")
    shown = first.body.decode("utf-8", "replace")
    say()
    say(shown if len(shown) <= 2_000 else f"{shown[:2_000]} … ({number(len(first.body))} bytes)")
    say(muted("dry run: no network, no row changed"))
