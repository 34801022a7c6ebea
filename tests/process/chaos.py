"""Real processes, killed and stopped at random, against local fakes of the providers; the fakes' logs judge.

python tests/process/chaos.py --runs 100 [--from 1] [--at-once 4]
python tests/process/chaos.py --run 17
"""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos_cast import CALL, Nursery, template_letter
from chaos_fakes import fake_of
from chaos_plan import Plan, What, draw
from chaos_run import Broken, Played, Run

from newsletter.errors import NewsletterError

#: A run that takes longer has failed, in seconds.
LIMIT = 60
AT_ONCE = 4
_TAIL = 60


def main() -> int:
    """Return 1 where a run does not hold."""
    arguments = _arguments()
    first = getattr(arguments, "from")
    numbers = range(first, first + arguments.runs) if arguments.run is None else [arguments.run]
    folder = Path(tempfile.mkdtemp(prefix="newsletter-chaos-"))
    started = time.monotonic()
    done = []
    for played in play_all([draw(number) for number in numbers], folder, arguments.at_once):
        print(told(played) if played.wrong else line(played), flush=True)
        done.append(played)
    print(totals(done, time.monotonic() - started))
    if any(played.wrong for played in done):
        return 1
    shutil.rmtree(folder)
    return 0


def play_all(plans: Sequence[Plan], folder: Path, at_once: int = AT_ONCE) -> Iterator[Played]:
    """Play runs, some at once, in a folder in which those that fail are kept; yield them in their order."""
    template = template_letter(folder / "template")
    with Nursery(folder) as nursery, ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(
            lambda plan: _play_fairly(plan, nursery, template, folder / f"run-{plan.number}"), plans
        )


def line(played: Played) -> str:
    """Tell a run that holds."""
    plan, acts = played.plan, played.acts
    words = [
        _many(acts[What.KILL], "kill"),
        _many(acts[What.STOP] + acts[What.RIVAL], "stop"),
        _many(played.left, "leaver"),
        *([f"{played.by_hand} settled by hand"] if played.by_hand else []),
        f"{played.accepted} accepted once",
        f"{played.seconds:.1f} s",
        *([played.remark] if played.remark else []),
    ]
    return f"{plan.number} {plan.provider}: {', '.join(words)}"


def told(played: Played) -> str:
    """Tell a run that does not hold: what is wrong, how it came about, and how to repeat it."""
    said = []
    for file in sorted(played.folder.glob("*.txt")):
        said += [f"--- {file.name}", *file.read_text(errors="replace").splitlines()[-_TAIL:]]
    return "\n".join(
        [
            f"run {played.plan.number} does not hold:",
            *(f"  {one}" for one in played.wrong),
            "what was planned:",
            *(f"  {one}" for one in played.plan.lines()),
            "what happened:",
            *(f"  {one}" for one in played.events),
            *said,
            f"kept in {played.folder}; again: python tests/process/chaos.py --run {played.plan.number}",
        ]
    )


def totals(done: Sequence[Played], seconds: float) -> str:
    """Sum up all runs."""
    acts: Counter[What] = sum((one.acts for one in done), Counter())
    outcomes: Counter[str] = sum((one.outcomes for one in done), Counter())
    words = [
        *(_many(count, what) for what, count in sorted(acts.items())),
        _many(sum(one.left for one in done), "leaver"),
        f"{sum(one.accepted for one in done):,} mails accepted",
        f"{sum(one.by_hand for one in done)} settled by hand",
        f"{sum(bool(one.wrong) for one in done)} failed",
    ]
    calls = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    return f"{len(done)} runs in {seconds:.0f} s: {', '.join(words)}\ncalls: {calls}"


def _play_fairly(plan: Plan, nursery: Nursery, template: Path, folder: Path) -> Played:
    """Play a run, and once more where the fake itself was slower than any shortened wait allows for."""
    played, slowest = _play(plan, nursery, template, folder)
    if played.wrong and slowest > CALL.total_seconds():
        again, _ = _play(plan, nursery, template, folder.with_name(f"{folder.name}-again"))
        again.remark = f"played again, as the fake took {slowest:.1f} s for a call"
        return again
    return played


def _play(plan: Plan, nursery: Nursery, template: Path, folder: Path) -> tuple[Played, float]:
    folder.mkdir(parents=True)
    played = Played(plan, folder)
    started = time.monotonic()
    with fake_of(plan.provider, plan.faults, plan.latency, plan.index_lag) as fake:
        fake.pauses += plan.pauses
        run = Run(played, nursery, fake, template, started + LIMIT)
        try:
            run.play()
        except (Broken, NewsletterError) as error:
            played.wrong.append(str(error))
        except Exception:
            played.wrong.append(traceback.format_exc())
        finally:
            run.end()
    played.seconds = time.monotonic() - started
    if not played.wrong:
        shutil.rmtree(folder)
    return played, fake.slowest


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, metavar="N", help="the first run")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="so many together")
    parser.add_argument("--run", "--replay", type=int, metavar="N", help="this one only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
