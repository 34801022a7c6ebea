"""One run of chaos on its way: a process sends and is disturbed, people leave, the end is judged."""

import json
import re
import signal
import sqlite3
import time
import tomllib
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chaos_cast import (
    ALERTED,
    ISSUES,
    Nursery,
    Process,
    answers,
    letter_of,
    quiet_port,
)
from chaos_fakes import Watched
from chaos_judge import Seen, violations
from chaos_leavers import Leavers
from chaos_plan import Act, Plan, What
from process_cast import environment

from newsletter.pipeline.reporting import Status

_LOOK = 0.004
_ASK = 0.1
_BUG = re.compile("Traceback|this is a bug")
_OUTCOMES = "SELECT coalesce(outcome, 'cut off'), count(*) FROM attempt GROUP BY 1"


class Broken(Exception):
    """A run cannot go on."""


@dataclass
class Played:
    """What became of a run: it holds where nothing is wrong. `outcomes` counts how its calls ended."""

    plan: Plan
    folder: Path
    wrong: list[str] = field(default_factory=list)
    acts: Counter[What] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    by_hand: int = 0
    left: int = 0
    accepted: int = 0
    seconds: float = 0.0
    events: list[str] = field(default_factory=list)
    remark: str = ""


class Run:
    """A run on its way; one that breaks off must be ended, whatever it raised."""

    def __init__(
        self, played: Played, nursery: Nursery, fake: Watched, template: Path, deadline: float
    ) -> None:
        self._plan = played.plan
        self._played = played
        self._nursery = nursery
        self._fake = fake
        self._deadline = deadline
        port = quiet_port(self._plan.number)
        self._url = f"http://127.0.0.1:{port}"
        self._env = _environment(self._plan, fake.url, self._url, port)
        # Without the key of the account: who only looks needs none.
        looking = {name: value for name, value in self._env.items() if name.startswith("NEWSLETTER_")}
        self._root = played.folder / "letter"
        self._app = letter_of(template, self._root, self._plan.people, looking)
        self._subjects = _subjects(self._root)
        self._processes: list[Process] = []
        self._began = time.monotonic()
        self._leavers = Leavers(self._plan.leaves, self._app, fake, self._url, self._note)

    def play(self) -> None:
        """Play to the end, and judge."""
        if not self._plan.is_served:
            self._serve()
        self._sender = self._send()
        self._leavers.start()
        for act in self._plan.acts:
            if not self._reaches(act):
                break
            self._do(act)
        self._finish()
        self._leavers.end()
        self._judge()

    def end(self) -> None:
        """Leave nothing running."""
        self._leavers.end()
        for process in self._processes:
            process.kill()
        self._app.database.close()

    def _start(self, name: str, *argv: str) -> Process:
        out = self._played.folder / f"{len(self._processes) + 1:02}-{name}.txt"
        process = self._nursery.start(self._root, out, argv, self._env)
        self._processes.append(process)
        return process

    def _serve(self) -> None:
        web = self._start("web", "web")
        while not answers(f"{self._url}/healthz"):
            if not web.is_running:
                raise Broken(f"{web.out.name} ended with {web.code}")
            self._rest(_LOOK)

    def _send(self) -> Process:
        argv = ("run",) if self._plan.is_served else ("run", "--once", "--no-web")
        self._sender = self._start("run", *argv)
        self._note(f"started {self._sender.out.name}")
        return self._sender

    def _running(self) -> Process:
        """Return the process that sends; a pass that has ended is followed by another."""
        if self._sender.is_running:
            return self._sender
        if self._plan.is_served or self._sender.code:
            raise Broken(f"{self._sender.out.name} ended by itself with {self._sender.code}")
        return self._send()

    def _reaches(self, act: Act) -> bool:
        """Wait for the moment of an act; False where everything is sent before it comes."""
        looked_at = time.monotonic()
        while len(self._fake.calls) < act.calls:
            self._running()
            if time.monotonic() > looked_at + _ASK:
                looked_at = time.monotonic()
                if _is_settled(self._app.status()):
                    return False
            self._rest(_LOOK)
        self._rest(act.after)
        return True

    def _do(self, act: Act) -> None:
        sender = self._running()
        self._note(f"{act.what} {sender.out.name}, {act.seconds} s")
        self._played.acts[act.what] += 1
        match act.what:
            case What.KILL:
                sender.kill()
            case What.TERM:
                self._ask_to_end(sender)
            case What.STOP:
                sender.send(signal.SIGSTOP)
            case What.RIVAL:
                sender.send(signal.SIGSTOP)
                self._compete(sender)
        self._rest(act.seconds)
        if sender.is_running:
            sender.send(signal.SIGCONT)
            self._note("it goes on")
        else:
            self._send()

    def _ask_to_end(self, sender: Process) -> None:
        # Before it listens to signals, and in a single pass, the signal ends it at once.
        may_be_cut_off = not self._plan.is_served or "sending from" not in sender.said()
        sender.send(signal.SIGTERM)
        self._await(sender)
        if sender.code and not (may_be_cut_off and sender.code == -signal.SIGTERM):
            self._played.wrong.append(f"{sender.out.name}, asked to end, ended with {sender.code}")

    def _compete(self, sender: Process) -> None:
        # It says so once it has the lock; a single pass says nothing, and nobody can tell.
        has_the_lock = "sending from" in sender.said()
        rival = self._start("rival", "run", "--once", "--no-web")
        while rival.is_running and has_the_lock:
            self._rest(_LOOK)
        rival.kill()
        if has_the_lock and "another `newsletter run` is sending" not in rival.said():
            self._played.wrong.append(f"{rival.out.name} was let in beside {sender.out.name}")

    def _finish(self) -> None:
        """Let a last process run undisturbed, and a person settle what only a person can."""
        while not _is_settled(status := self._app.status()):
            if held := [one.what for one in status.attention if one.what.startswith("held")]:
                raise Broken(held[0])
            if status.unknown and all(one.next_at is None for one in status.unknown):
                self._resolve(status.unknown[0].target)
            self._running()
            self._rest(_ASK)
        self._note("settled")
        while self._plan.is_served and "sending from" not in self._sender.said():
            self._running()
            self._rest(_LOOK)
        if self._plan.is_served:
            self._sender.send(signal.SIGTERM)
        self._await(self._sender)
        if self._sender.code:
            self._played.wrong.append(f"{self._sender.out.name} ended with {self._sender.code}")

    def _resolve(self, target: str) -> None:
        """Look into the provider's log, as a person does, and say what it shows."""
        rows = [row for row in self._app.resolving.unknown(target) if row.is_open]
        if all(row.next_at is None for row in rows):
            have = {mail.address for mail in self._fake.mails() if mail.subject == self._subjects[target]}
            never = {row.address for row in rows} - have - self._leavers.leaving
            if never:
                raise Broken(f"{len(never)} in doubt for {target} were never accepted, and nobody goes on")
            self._note(f"a person marks {len(rows)} of {target} as sent")
            word = self._start("resolve", "-y", "resolve", target, "--mark-sent")
            self._await(word)
            if word.code:
                raise Broken(f"resolve ended with {word.code}: {word.said()}")
            self._played.by_hand += 1

    def _judge(self) -> None:
        status = self._start("status", "status", "--check", "--json")
        self._await(status)
        wrong = [] if status.code == 0 else [f"status --check ended with {status.code}"]
        with suppress(ValueError):
            said = json.loads(status.said())
            if said["unknown"] or said["on_its_way"] or said["settled"] != len(ISSUES):
                wrong.append("status does not say that everything is settled")
        wrong += [f"{one.out.name} tells of a bug" for one in self._processes if _BUG.search(one.said())]
        seen = self._seen()
        self._played.wrong += wrong + self._leavers.wrong + violations(seen)
        self._played.left = len(self._leavers.left)
        self._played.accepted = sum(mail.address != ALERTED for mail in seen.mails)
        with closing(sqlite3.connect(self._root / "newsletter.db")) as ledger:
            self._played.outcomes.update(dict(ledger.execute(_OUTCOMES)))

    def _seen(self) -> Seen:
        rows = self._app.queueing.rows()
        return Seen(
            people=self._plan.people,
            subjects=list(self._subjects.values()),
            mails=self._fake.mails(),
            calls=list(self._fake.calls),
            left=self._leavers.left,
            leaving=frozenset(self._leavers.leaving),
            counted={self._subjects[row.slot.target]: row.counts.get("accepted", 0) for row in rows},
            holds=self._played.by_hand,
            leaks=len(getattr(self._fake, "leaks", ())),
        )

    def _await(self, process: Process) -> None:
        while process.is_running:
            self._rest(_LOOK)

    def _rest(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._deadline:
            self._sender.send(signal.SIGUSR1)
            self._sender.ended.wait(1)
            raise Broken(f"it takes too long: {self._app.status()}")
        time.sleep(seconds)

    def _note(self, what: str) -> None:
        at = time.monotonic() - self._began
        self._played.events.append(f"{at:6.2f} s, {len(self._fake.calls)} calls: {what}")


def _is_settled(status: Status) -> bool:
    return status.settled == len(ISSUES) and not (status.unknown or status.on_its_way)


def _subjects(root: Path) -> dict[str, str]:
    said = tomllib.loads((root / "content/series/back-pain.toml").read_text())
    of = {f"back-pain/{issue['id']}": issue["subject"] for issue in said["issue"]}
    return {target: of[target] for target in ISSUES}


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
