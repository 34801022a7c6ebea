"""One run of chaos on its way: processes send and are disturbed, people leave, the end is judged."""

import signal
import time
from collections.abc import Callable

from chaos_cast import (
    ALERTED,
    ISSUES,
    UNHEARD,
    Nursery,
    Process,
    answers,
    letter_of,
    quiet_port,
    subjects_of,
)
from chaos_fakes import Watched
from chaos_judge import Seen, untidy, untold, violations
from chaos_leavers import Leavers
from chaos_plan import Act, Plan, What
from chaos_sender import Sender
from chaos_stage import Set
from chaos_told import Played
from chaos_troupe import Broken, Server, Troupe
from process_cast import environment
from sqlalchemy import text

from newsletter.errors import StoreError
from newsletter.pipeline.reporting import Status

_LOOK = 0.004
_ASK = 0.1
_ASIDE = "an outcome is kept aside"
_OUTCOMES = text("SELECT coalesce(outcome, 'cut off'), count(*) FROM attempt GROUP BY 1")


class Run:
    """A run on its way; one that breaks off must be ended, whatever it raised."""

    def __init__(self, played: Played, nursery: Nursery, fake: Watched, own: Set, deadline: float) -> None:
        self._plan = plan = played.plan
        self._played = played
        self._nursery = nursery
        self._fake = fake
        self._deadline = deadline
        self._began = time.monotonic()
        self._processes: list[Process] = []
        ports = [quiet_port(plan.number, use) for use in (1, 2)]
        doors = [f"http://127.0.0.1:{port}" for port in ports]
        self._url = doors[0]
        self._env = _environment(plan, fake.url, self._url, ports[0])
        self._root = played.folder / "letter"
        self._app = letter_of(own.letter, self._root, own.url, plan.people)
        self._subjects = subjects_of(self._root)
        self._troupe = Troupe(plan, Server(own.server, self._note), self._start, ports, self._note)
        has_back_door = plan.is_served and plan.senders > 1
        self._leavers = Leavers(plan.leaves, self._app, fake, doors[: 1 + has_back_door], self._note)

    def play(self) -> None:
        """Play to the end, and judge."""
        if not self._plan.is_served:
            self._serve()
        self._send()
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

    def _start(self, name: str, *argv: str, **settings: str) -> Process:
        out = self._played.folder / f"{len(self._processes) + 1:02}-{name}.txt"
        process = self._nursery.start(self._root, out, argv, self._env | settings)
        self._processes.append(process)
        self._note(f"started {out.name}")
        return process

    def _serve(self) -> None:
        web = self._start("web", "web")
        while not answers(f"{self._url}/healthz"):
            if not web.is_running:
                raise Broken(f"{web.out.name} ended with {web.code}")
            self._rest(_LOOK)

    def _send(self) -> None:
        for _ in range(self._plan.senders):
            self._troupe.join()
            # Nobody starts to send before the pages are open.
            if self._plan.senders > 1:
                self._until(lambda: answers(f"{self._url}/healthz"))

    def _reaches(self, act: Act) -> bool:
        """Wait for the moment of an act; False where everything is sent before it comes."""
        looked_at = time.monotonic()
        while len(self._fake.calls) < act.calls:
            if time.monotonic() > looked_at + _ASK:
                looked_at = time.monotonic()
                if _is_settled(self._status()):
                    return False
            self._rest(_LOOK)
        self._rest(act.after)
        return True

    def _do(self, act: Act) -> None:
        if act.what is What.CRASH:
            self._crash(act)
            return
        sender = self._troupe.senders[act.who]
        self._until(lambda: not sender.is_away)
        self._note(f"{act.what} {sender.name}, {act.seconds} s")
        self._played.acts[act.what] += 1
        sender.leave()
        match act.what:
            case What.KILL:
                sender.process.kill()
            case What.TERM:
                self._ask_to_end(sender)
            case What.STOP:
                sender.process.send(signal.SIGSTOP)
            case What.RIVAL:
                sender.process.send(signal.SIGSTOP)
                self._compete(sender)
        sender.leave(act.seconds)
        if self._plan.senders == 1:
            self._until(lambda: not sender.is_away)

    def _crash(self, act: Act) -> None:
        server = self._troupe.server
        self._until(lambda: not server.is_away)
        self._note(f"{act.what} of the server, {act.seconds} s")
        self._played.acts[act.what] += 1
        server.crash(act.seconds)

    def _ask_to_end(self, sender: Sender) -> None:
        # Before it listens to signals, and in a single pass, the signal ends it at once.
        may_be_cut_off = not self._plan.is_served or not sender.is_sending
        sender.process.send(signal.SIGTERM)
        self._await(sender.process)
        code = sender.process.code
        is_cut_off = may_be_cut_off and code == -signal.SIGTERM
        if code and not is_cut_off and not self._troupe.may_give_up(sender):
            self._played.wrong.append(f"{sender.name}, asked to end, ended with {code}")

    def _compete(self, sender: Sender) -> None:
        # It says so once it has the lock; a single pass says nothing, and nobody can tell.
        has_the_lock = sender.is_sending
        rival = self._start("rival", "run", "--once", "--no-web")
        while rival.is_running and has_the_lock:
            self._rest(_LOOK)
        rival.kill()
        if has_the_lock and "another `newsletter run` is sending" not in rival.said():
            self._played.wrong.append(f"{rival.out.name} was let in beside {sender.name}")

    def _finish(self) -> None:
        """Let the last processes run undisturbed, and a person settle what only a person can."""
        while not _is_settled(status := self._status()):
            if status is None:
                self._rest(_ASK)
                continue
            if held := [one.what for one in status.attention if one.what.startswith("held")]:
                raise Broken(held[0])
            if status.unknown and all(one.next_at is None for one in status.unknown):
                self._resolve(status.unknown[0].target)
            self._rest(_ASK)
        self._note("settled")
        self._until(lambda: self._troupe.is_whole)
        for sender in self._troupe.senders:
            self._until(lambda one=sender: not self._plan.is_served or one.is_sending)
        for sender in self._troupe.senders:
            sender.leave()
            if self._plan.is_served:
                sender.process.send(signal.SIGTERM)
        for sender in self._troupe.senders:
            self._await(sender.process)
            if sender.process.code and not self._troupe.may_give_up(sender):
                self._played.wrong.append(f"{sender.name} ended with {sender.process.code}")

    def _status(self) -> Status | None:
        """Ask where everything stands; None while the server cannot tell."""
        try:
            return self._app.reporting.status()
        except StoreError:
            if not self._troupe.server.is_there:
                raise
            return None

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
        wrong = list(untold(status.code, status.said(), len(ISSUES)))
        for one in self._processes:
            troubles = self._played.acts[What.CRASH] + one.said().count(UNHEARD)
            wrong += [f"{one.out.name} {found}" for found in untidy(one.said(), troubles)]
        seen = self._seen()
        self._played.wrong += wrong + self._leavers.wrong + violations(seen)
        said = [one.said() for one in self._processes]
        self._played.unheard = sum(one.count(UNHEARD) for one in said)
        self._played.aside = sum(one.count(_ASIDE) for one in said)
        self._played.left = len(self._leavers.left)
        self._played.accepted = sum(mail.address != ALERTED for mail in seen.mails)
        with self._app.database.reading() as tx:
            self._played.outcomes.update(dict(map(tuple, tx.execute(_OUTCOMES))))

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
            is_calm=self._plan.is_calm,
        )

    def _await(self, process: Process) -> None:
        self._until(lambda: not process.is_running)

    def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._rest(_LOOK)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        if until > self._deadline:
            raise Broken(f"it takes too long: {self._where_everybody_stands()}")
        self._troupe.tend()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK))
            self._troupe.tend()

    def _where_everybody_stands(self) -> Status | None:
        for sender in self._troupe.senders:
            sender.process.send(signal.SIGUSR1)
        for sender in self._troupe.senders:
            sender.process.ended.wait(1)
        return self._status()

    def _note(self, what: str) -> None:
        at = time.monotonic() - self._began
        self._played.events.append(f"{at:6.2f} s, {len(self._fake.calls)} calls: {what}")


def _is_settled(status: Status | None) -> bool:
    return status is not None and status.settled == len(ISSUES) and not (status.unknown or status.on_its_way)


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
