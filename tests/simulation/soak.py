"""Play many seeds on all cores, or tell one line by line.

python tests/simulation/soak.py [--seeds 20000] [--capability key] [--from 1]
python tests/simulation/soak.py --capability key --replay 84
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator

from sim_plan import NAMES
from sim_run import Played, play

#: So many failing seeds are told in full.
MOST_TOLD = 10


def main() -> int:
    """Return 1 where an invariant does not hold."""
    arguments = _arguments()
    if arguments.replay is not None:
        return _replay(arguments.capability or NAMES[0], arguments.replay)
    names = [arguments.capability] if arguments.capability else list(NAMES)
    first = getattr(arguments, "from")
    each = -(-arguments.seeds // len(names))
    jobs = [(name, seed) for seed in range(first, first + each) for name in names]
    failed = 0
    for done, (name, seed, failures) in enumerate(_results(jobs), 1):
        if failures:
            failed += 1
            if failed <= MOST_TOLD:
                print(f"\n{name} {seed}: " + "\n    ".join(failures[:MOST_TOLD]), flush=True)
                print(f"    {replay_command(name, seed)}", flush=True)
        if done % 200 == 0 or done == len(jobs):
            rate = done / (time.monotonic() - _STARTED)
            print(
                f"\r{done:,} of {len(jobs):,} seeds, {rate:.0f} a second, {failed} failed", end="", flush=True
            )
    print()
    return 1 if failed else 0


def replay_command(name: str, seed: int) -> str:
    """Say how a seed is told line by line."""
    return f"python tests/simulation/soak.py --capability {name} --replay {seed}"


def told(played: Played) -> str:
    """Tell a failing seed: what does not hold, what happened, and how to see it again."""
    sentences = "\n".join(played.failures) or "every invariant holds"
    return "\n".join(
        [sentences, str(played.plan), *played.lines(), replay_command(played.plan.name, played.plan.seed)]
    )


def _replay(name: str, seed: int) -> int:
    played = play(name, seed)
    print(told(played))
    return 1 if played.failures else 0


def _results(jobs: list[tuple[str, int]]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    with multiprocessing.Pool(_cores()) as pool:
        yield from pool.imap_unordered(_job, jobs, chunksize=20)


def _job(job: tuple[str, int]) -> tuple[str, int, tuple[str, ...]]:
    return (*job, play(*job).failures)


def _cores() -> int:
    return multiprocessing.cpu_count()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20_000, help="how many, of all capabilities")
    parser.add_argument("--capability", choices=NAMES)
    parser.add_argument("--from", type=int, default=1, metavar="N", help="the first seed")
    parser.add_argument("--replay", type=int, metavar="SEED", help="tell one seed")
    return parser.parse_args()


_STARTED = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
