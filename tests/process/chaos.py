"""Real processes, killed and stopped at random, against local fakes of the providers; the fakes' logs judge.

python tests/process/chaos.py --runs 100 [--from 1] [--at-once 4]
python tests/process/chaos.py --run 17
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
import tomllib
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos_cast import (
    ALERTED,
    ISSUES,
    Nursery,
    Process,
    Watched,
    address_of,
    answers,
    fake_of,
    letter_of,
    post_one_click,
    signed_way_out,
    template_letter,
)
from chaos_judge import Seen, violations
from chaos_plan import Act, Leave, Plan, What, draw
from process_cast import environment, free_port

from newsletter.app import App
from newsletter.errors import NewsletterError
from newsletter.pipeline.reporting import Status

#: A run that takes longer has failed, in seconds.
LIMIT = 60
AT_ONCE = 4
_LOOK = 0.004
_ASK = 0.1
_TAIL = 25


class Broken(Exception):
    """A run cannot go on."""


@dataclass
class Played:
    """What became of a run; it holds where nothing is wrong."""

    plan: Plan
    folder: Path
    wrong: list[str] = field(default_factory=list)
    kills: int = 0
    stops: int = 0
    resolved: int = 0
    left: int = 0
    accepted: int = 0
    calls: int = 0
    seconds: float = 0.0
    events: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Tell a run that holds."""
        plan = self.plan
        by_hand = f", {self.resolved} resolved by hand" if self.resolved else ""
        return (
            f"{plan.number} {plan.provider}: {_many(self.kills, 'kill')}, {_many(self.stops, 'stop')}, "
            f"{_many(self.left, 'leaver')}, {self.calls} calls{by_hand}, "
            f"{self.accepted} accepted once, {self.seconds:.1f} s"
        )

    def told(self) -> str:
        """Tell a run that does not hold: what is wrong, what was planned, what happened, what was said."""
        said = []
        for file in sorted(self.folder.glob("*.txt"), key=lambda one: one.stat().st_mtime):
            lines = file.read_text(errors="replace").splitlines()[-_TAIL:]
            said += [f"--- {file.name}", *lines]
        return "\n".join(
            [
                f"run {self.plan.number} does not hold:",
                *(f"  {one}" for one in self.wrong),
                "plan:",
                *(f"  {one}" for one in self.plan.lines()),
                "what happened:",
                *(f"  {one}" for one in self.events),
                *said,
                f"kept in {self.folder}; again: python tests/process/chaos.py --run {self.plan.number}",
            ]
        )


def play(plan: Plan, nursery: Nursery, template: Path, folder: Path) -> Played:
    """Play a run in a folder of its own, which is kept where something is wrong."""
    folder.mkdir(parents=True)
    played = Played(plan, folder)
    started = time.monotonic()
    with fake_of(plan.provider, plan.faults, plan.latency, plan.index_lag) as fake:
        fake.pauses += plan.pauses
        run = _Run(played, nursery, fake, template, started + LIMIT)
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
    return played


class _Run:
    """One run on its way: this thread looks after the process that sends, another after those who leave."""

    def __init__(
        self, played: Played, nursery: Nursery, fake: Watched, template: Path, deadline: float
    ) -> None:
        self.plan = played.plan
        self.played = played
        self.nursery = nursery
        self.fake = fake
        self.deadline = deadline
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.env = _environment(self.plan, fake.url, self.url, port)
        # Without the key of the account: who only looks needs none.
        looking = {name: value for name, value in self.env.items() if name.startswith("NEWSLETTER_")}
        self.root = played.folder / "letter"
        self.app: App = letter_of(template, self.root, self.plan.people, looking)
        self.processes: list[Process] = []
        self.sender: Process | None = None
        self.left: dict[str, float] = {}
        self.asked: set[str] = set()
        self.is_over = threading.Event()
        self.leaving = threading.Thread(target=self._let_leave, daemon=True)
        self.began = time.monotonic()

    def play(self) -> None:
        """Play to the end, and judge."""
        if not self.plan.is_served:
            self._serve()
        self._send()
        self.leaving.start()
        for act in self.plan.acts:
            if not self._reaches(act):
                break
            self._do(act)
        self._finish()
        self.is_over.set()
        self.leaving.join()
        self._judge()

    def _serve(self) -> None:
        web = self._start("web", "web")
        while not answers(f"{self.url}/healthz"):
            if not web.is_running:
                raise Broken(f"{web.out.name} ended with {web.code}")
            self._rest(_LOOK)

    def end(self) -> None:
        """Leave nothing running."""
        self.is_over.set()
        for process in self.processes:
            if process.is_running:
                process.kill()
        if self.leaving.is_alive():
            self.leaving.join()
        self.app.database.close()

    def _start(self, name: str, *argv: str) -> Process:
        out = self.played.folder / f"{len(self.processes) + 1:02}-{name}.txt"
        process = self.nursery.start(self.root, out, argv, self.env)
        self.processes.append(process)
        return process

    def _send(self) -> Process:
        argv = ("run",) if self.plan.is_served else ("run", "--once", "--no-web")
        self.sender = self._start("run", *argv)
        self._note(f"started {' '.join(argv)}")
        return self.sender

    def _sender(self) -> Process:
        """Return the process that sends; one that has ended by itself is followed by another."""
        sender = self.sender
        assert sender, "it was started"
        if sender.is_running:
            return sender
        if self.plan.is_served or sender.code:
            raise Broken(f"{sender.out.name} ended by itself with {sender.code}")
        return self._send()

    def _reaches(self, act: Act) -> bool:
        """Wait for the moment of an act; False where everything is sent before it comes."""
        while len(self.fake.calls) < act.calls:
            self._sender()
            if self._every(_ASK) and self._is_settled(self._status()):
                return False
            self._rest(_LOOK)
        self._rest(act.after)
        return True

    def _do(self, act: Act) -> None:
        sender = self._sender()
        if act.what is What.KILL:
            sender.kill()
            self._note(f"killed {sender.out.name}")
            self.played.kills += 1
            self._rest(act.seconds)
            self._send()
        else:
            sender.send(signal.SIGSTOP)
            self._note(f"stopped {sender.out.name} for {act.seconds} s")
            self._rest(act.seconds)
            sender.send(signal.SIGCONT)
            self._note("went on")
            self.played.stops += 1

    def _finish(self) -> None:
        """Let a last process run undisturbed, and a person settle what only a person can."""
        while not self._is_settled(status := self._status()):
            if held := [one.what for one in status.attention if one.what.startswith("held")]:
                raise Broken(held[0])
            if status.unknown and all(one.next_at is None for one in status.unknown):
                self._resolve(status.unknown[0].target)
            self._sender()
            self._rest(_ASK)
        self._note("settled")
        sender = self.sender
        assert sender, "it was started"
        if self.plan.is_served:
            sender.send(signal.SIGTERM)
        self._await(sender)
        if sender.code or "Traceback" in sender.said():
            self.played.wrong.append(f"{sender.out.name} ended with {sender.code}")

    def _resolve(self, target: str) -> None:
        """Look into the provider's log, as a person does, and say what it shows."""
        subject = self._subjects()[target]
        have = {mail.address for mail in self.fake.mails() if mail.subject == subject}
        unknown = {row.address for row in self.app.resolving.unknown(target) if row.batch_state == "unknown"}
        stayed = unknown - self.asked
        if stayed and 0 < len(stayed & have) < len(stayed):
            raise Broken(f"of {len(stayed)} in doubt for {target} only {len(stayed & have)} were accepted")
        how = "--mark-sent" if stayed <= have else "--send-again"
        self._note(f"resolves {len(unknown)} of {target} {how}")
        process = self._start("resolve", "-y", "resolve", target, how)
        self._await(process)
        if process.code:
            raise Broken(f"resolve ended with {process.code}: {process.said()}")
        self.played.resolved += 1

    def _judge(self) -> None:
        process = self._start("status", "status", "--check", "--json")
        self._await(process)
        said = process.said()
        if process.code:
            self.played.wrong.append(f"status --check ended with {process.code}")
        else:
            found = json.loads(said)
            if found["unknown"] or found["on_its_way"] or found["settled"] != len(ISSUES):
                self.played.wrong.append("status does not say that everything is settled")
        for one in self.processes:
            if "Traceback" in one.said() or "this is a bug" in one.said():
                self.played.wrong.append(f"{one.out.name} tells of a bug")
        subjects = self._subjects()
        rows = self.app.queueing.rows()
        seen = Seen(
            people=self.plan.people,
            subjects=list(subjects.values()),
            mails=self.fake.mails(),
            calls=list(self.fake.calls),
            left=self.left,
            may_have_left=frozenset(self.asked),
            counted={subjects[row.slot.target]: row.counts.get("accepted", 0) for row in rows},
            holds=self.played.resolved,
            leaks=len(getattr(self.fake, "leaks", ())),
        )
        self.played.wrong += violations(seen)
        self.played.left = len(self.left)
        self.played.accepted = sum(mail.address != ALERTED for mail in seen.mails)
        self.played.calls = len(seen.calls)

    def _let_leave(self) -> None:
        for leave in self.plan.leaves:
            link, address = self._way_out(leave)
            if link:
                self._leave(link, address)

    def _way_out(self, leave: Leave) -> tuple[str, str]:
        """Wait for the moment of a leave; return the link and who leaves, nothing where it never came."""
        address = address_of(leave.reader)
        while len(self.fake.calls) < leave.calls and not self.is_over.wait(_LOOK):
            pass
        self.is_over.wait(leave.after)
        if not leave.has_mail:
            with suppress(IndexError):
                to = self.fake.calls[-1].to
                address = to[leave.reader % len(to)]
            reader = int(address.removeprefix("reader").partition("@")[0])
            return ("", "") if self.is_over.is_set() else (signed_way_out(self.app, reader, self.url), address)
        while not self.is_over.is_set():
            for mail in self.fake.mails():
                if mail.address == address:
                    return mail.way_out.strip("<>"), address
            self.is_over.wait(10 * _LOOK)
        return "", ""

    def _leave(self, link: str, address: str) -> None:
        self.asked.add(address)
        while not self.is_over.is_set():
            status = post_one_click(link)
            if status == 200:
                self.left[address] = time.monotonic()
                self._note(f"{address} has left")
                return
            if 400 <= status < 500:
                self.played.wrong.append(f"the way out of {address} answers {status}")
                return
            self.is_over.wait(5 * _LOOK)

    def _status(self) -> Status:
        return self.app.status()

    def _is_settled(self, status: Status) -> bool:
        return status.settled == len(ISSUES) and not (status.unknown or status.on_its_way)

    def _subjects(self) -> dict[str, str]:
        series = tomllib.loads((self.root / "content/series/back-pain.toml").read_text())
        return {
            target: one["subject"]
            for one in series["issue"]
            if (target := f"back-pain/{one['id']}") in ISSUES
        }

    def _await(self, process: Process) -> None:
        while process.is_running:
            self._rest(_LOOK)

    def _every(self, seconds: float) -> bool:
        if time.monotonic() < getattr(self, "_asked_at", 0) + seconds:
            return False
        self._asked_at = time.monotonic()
        return True

    def _rest(self, seconds: float) -> None:
        if time.monotonic() + seconds > self.deadline:
            raise Broken(f"not settled after {LIMIT} s: {self._status()}")
        time.sleep(seconds)

    def _note(self, what: str) -> None:
        at = time.monotonic() - self.began
        self.played.events.append(f"{at:6.2f} s, {len(self.fake.calls)} calls: {what}")


def _environment(plan: Plan, fake_url: str, url: str, port: int) -> dict[str, str]:
    settings = {
        "NEWSLETTER_PROVIDER__NAME": plan.provider,
        "NEWSLETTER_PROVIDER__BASE_URL": fake_url,
        "NEWSLETTER_PROVIDER__CALLS_PER_SECOND": str(plan.calls_per_second),
        "NEWSLETTER_PUBLIC_URL": url,
        "NEWSLETTER_WEB__PORT": str(port),
        "RESEND_API_KEY": "re_chaos",
        "MAILGUN_API_KEY": "chaos",
    }
    return environment(**settings, CHAOS_WITHOUT=plan.without)


def play_all(plans: list[Plan], folder: Path, at_once: int = AT_ONCE) -> Iterator[Played]:
    """Play runs, some at once, in a folder; what fails is kept there."""
    template = template_letter(folder / "template")
    with Nursery(folder) as nursery, ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(
            lambda plan: play(plan, nursery, template, folder / f"run-{plan.number}"), plans
        )


def main() -> int:
    """Return 1 where a run does not hold."""
    arguments = _arguments()
    first = getattr(arguments, "from")
    numbers = [arguments.run] if arguments.run is not None else range(first, first + arguments.runs)
    folder = Path(tempfile.mkdtemp(prefix="newsletter-chaos-"))
    started = time.monotonic()
    done = []
    for played in play_all([draw(number) for number in numbers], folder, arguments.at_once):
        print(played.told() if played.wrong else played.line(), flush=True)
        done.append(played)
    failed = [one for one in done if one.wrong]
    if not failed:
        shutil.rmtree(folder)
    print(_totals(done, failed, time.monotonic() - started))
    return 1 if failed else 0


def _totals(done: list[Played], failed: list[Played], seconds: float) -> str:
    def of(number: Callable[[Played], int]) -> int:
        return sum(map(number, done))

    return (
        f"{len(done)} runs in {seconds:.0f} s: {of(lambda one: one.kills)} kills, "
        f"{of(lambda one: one.stops)} stops, {of(lambda one: one.left)} leavers, "
        f"{of(lambda one: one.calls):,} calls, {of(lambda one: one.accepted):,} mails accepted, "
        f"{of(lambda one: one.resolved)} resolved by hand, {len(failed)} failed"
    )


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, metavar="N", help="the first run")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="runs that are played together")
    parser.add_argument("--run", "--replay", type=int, metavar="N", help="one run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
