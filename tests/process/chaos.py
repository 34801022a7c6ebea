"""Real processes, killed and stopped at random, against local fakes of the providers; the fakes' logs judge.

python tests/process/chaos.py --runs 100 [--from 1] [--at-once 4] [--database postgres|sqlite|both]
python tests/process/chaos.py --run 17 [--database postgres]

Without a database every second pair of runs is on PostgreSQL, where three processes send at once.
"""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import attrgetter
from pathlib import Path

# The server for the tests lies one folder up.
sys.path.append(str(Path(__file__).parent.parent))

from chaos_caller import CALL
from chaos_cast import Nursery
from chaos_fakes import fake_of
from chaos_plan import Database, Plan, draw
from chaos_run import Run
from chaos_stage import Set, Stage
from chaos_told import Played, line, many, told, totals
from chaos_troupe import Broken
from postgres_server import Unavailable

from newsletter.errors import NewsletterError

#: A run that takes longer has failed, in seconds; three processes and a server take their share of a machine.
LIMITS = {Database.SQLITE: 60, Database.POSTGRES: 120}
AT_ONCE = 4
#: What `--database` draws each run for; None leaves it to the plan.
DATABASES: dict[str | None, tuple[Database | None, ...]] = {
    None: (None,),
    "sqlite": (Database.SQLITE,),
    "postgres": (Database.POSTGRES,),
    "both": (Database.SQLITE, Database.POSTGRES),
}


def main() -> int:
    """Return 1 where a run does not hold."""
    arguments = _arguments()
    first = getattr(arguments, "from")
    numbers = range(first, first + arguments.runs) if arguments.run is None else [arguments.run]
    folder = Path(tempfile.mkdtemp(prefix="newsletter-chaos-"))
    started = time.monotonic()
    done = []
    plans = [draw(number, of) for number in numbers for of in DATABASES[arguments.database]]
    try:
        for played in play_all(plans, folder, arguments.at_once):
            print(told(played) if played.wrong else line(played), flush=True)
            done.append(played)
    except Unavailable as reason:
        print(f"no PostgreSQL: {reason}; --database sqlite plays without", file=sys.stderr)
        return 1
    print(f"{many(len(done), 'run')} in {time.monotonic() - started:.0f} s")
    by_database = attrgetter("plan.database")
    for of, runs in groupby(sorted(done, key=by_database), key=by_database):
        print(f"{of}: {totals(list(runs))}")
    if any(played.wrong for played in done):
        return 1
    shutil.rmtree(folder)
    return 0


def play_all(plans: Sequence[Plan], folder: Path, at_once: int = AT_ONCE) -> Iterator[Played]:
    """Play runs, some at once, in a folder in which those that fail are kept; yield them in their order."""
    with Nursery(folder) as nursery, Stage(folder) as stage, ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(
            lambda plan: _play_fairly(plan, nursery, stage, folder / f"run-{plan.number}-{plan.database}"),
            plans,
        )


def _play_fairly(plan: Plan, nursery: Nursery, stage: Stage, folder: Path) -> Played:
    """Play a run, and once more where the fake itself was slower than any shortened wait allows for."""
    played, slowest = _play(plan, nursery, stage, folder)
    if played.wrong and slowest > CALL.total_seconds():
        again, _ = _play(plan, nursery, stage, folder.with_name(f"{folder.name}-again"))
        again.remark = f"played again, as the fake took {slowest:.1f} s for a call"
        return again
    return played


def _play(plan: Plan, nursery: Nursery, stage: Stage, folder: Path) -> tuple[Played, float]:
    folder.mkdir(parents=True)
    played = Played(plan, folder)
    with (
        stage.set_for(plan) as own,
        fake_of(plan.provider, plan.faults, plan.latency, plan.index_lag) as fake,
    ):
        fake.pauses += plan.pauses
        started = time.monotonic()
        run = Run(played, nursery, fake, own, started + LIMITS[plan.database])
        try:
            run.play()
        except (Broken, NewsletterError) as error:
            played.wrong.append(str(error))
        except Exception:
            played.wrong.append(traceback.format_exc())
        finally:
            run.end()
            _look_into_log(own, played)
        played.seconds = time.monotonic() - started
    if not played.wrong:
        shutil.rmtree(folder)
    return played, fake.slowest


def _look_into_log(own: Set, played: Played) -> None:
    if own.server is None:
        return
    said = own.server.log.read_text(errors="replace")
    (played.folder / "server.txt").write_text(said)
    # A process may live through one, and nobody would notice.
    if "deadlock detected" in said:
        played.wrong.append("the server met a deadlock")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, metavar="N", help="the first run")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="so many together")
    parser.add_argument("--run", "--replay", type=int, metavar="N", help="this one only")
    databases = [name for name in DATABASES if name]
    parser.add_argument("--database", choices=databases, help="on this one, not on what the plan draws")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
