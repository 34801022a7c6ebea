"""The rules that protect mail, each switched off: some seed must then see an invariant broken."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from typing import Any
from unittest.mock import patch

from sim_plan import NAMES
from sim_provider import SimCall
from sim_run import play
from sqlalchemy import null, select

from newsletter.domain import unknown
from newsletter.domain.delivery import Asked, BatchState, Record, Ruling
from newsletter.domain.provider import Answer, Outcome, always
from newsletter.domain.release import REAL, ReleaseState
from newsletter.pipeline import claiming, preparing, recording
from newsletter.pipeline.claiming import Claiming
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.evidence import Evidence
from newsletter.pipeline.preparing import Preparing
from newsletter.pipeline.recording import Recording
from newsletter.store import batches, claims, picking, releases, slots
from newsletter.store.tables import release

SEEDS = 300


@dataclass(frozen=True)
class Mutant:
    """A rule switched off; `breaks` are the invariants that may show it, in the seeds of `names`."""

    rule: str
    breaks: tuple[str, ...]
    names: Sequence[str]
    switch_off: Callable[[ExitStack], None]


#: Where seeds were found that notice a rule which few do; where a change moves them, all are looked through.
TELLING = {
    "a call starts soon after its claim or never": ("query", 25),
    "a log settles before it is searched": ("query", 22),
    "a log is searched twice": ("query", 22),
    "a refusal clears no doubt": ("dedupe", 17),
    "a deferral clears no doubt": ("key", 8),
    "negative evidence is fenced": ("spent", 18),
    "negative evidence is fenced, however late it comes": ("query", 45),
    "a lease that ran out leaves a doubt": ("none", 3),
    "nothing is sent before all is prepared": ("dedupe", 4),
    "issues come in order": ("query", 76),
    "a pause stops the next call": ("none", 2),
    "the pace is kept": ("key", 3),
    "events are evidence": ("events", 3),
    "who left is not counted with those who stayed": ("dedupe", 305),
    "who left does not come back where one proves all": ("key", 50191),
    "a mismatch is a doubt": ("key", 83),
    "the first claim freezes addresses": ("dedupe", 123),
    "who left does not come back under a key that is spent": ("spent", 108),
}


def first_seed(mutant: Mutant) -> tuple[str, int, str] | None:
    """Find a seed in which a mutant breaks what holds without it."""
    told = [TELLING[mutant.rule]] if mutant.rule in TELLING else []
    for name, seed in chain(told, ((name, seed) for seed in range(1, SEEDS + 1) for name in mutant.names)):
        with ExitStack() as stack:
            mutant.switch_off(stack)
            broken = _of(mutant, name, seed)
        if broken and not _of(mutant, name, seed):
            return name, seed, broken[0]
    return None


def _of(mutant: Mutant, name: str, seed: int) -> list[str]:
    return [one for one in play(name, seed).failures if one.partition(":")[0] in mutant.breaks]


def _set(owner: Any, name: str, value: Any) -> Callable[[ExitStack], None]:
    def switch_off(stack: ExitStack) -> None:
        stack.enter_context(patch.object(owner, name, value))

    return switch_off


def _fresh_key(deployment: str, batch: Any) -> str:
    return f"nl-{deployment}-{batch.release_id}-{batch.id}-{100 * batch.generation + batch.epoch}"


_next_step = unknown.next_step


def _no_settling(batch: Any, capabilities: Any, *others: Any, **values: Any) -> Any:
    return _next_step(batch, replace(capabilities, settles_after=timedelta()), *others, **values)


_after_look = unknown.after_look


def _one_look(batch: Any, *others: Any) -> Any:
    return _after_look(replace(batch, asked=Asked.LOOKED), *others)


_record_for = recording.record_for


def _clears_doubt(outcome: Outcome) -> Callable[..., Record]:
    def record_for(batch: Any, answer: Answer, **values: Any) -> Record:
        return _record_for(
            replace(batch, tainted=False) if answer.outcome is outcome else batch, answer, **values
        )

    return record_for


def _splits_tainted(batch: Any, answer: Answer, *, members: int, now: Any) -> Record:
    if answer.outcome is Outcome.UNKNOWN and members > 1:
        return Record(BatchState.CANCELLED, Ruling.SPLIT, reason=answer.reason)
    return _record_for(batch, answer, members=members, now=now)


def _takes_for_refusal(batch: Any, answer: Answer, **values: Any) -> Record:
    if answer.outcome is Outcome.REPEATED:
        batch, answer = replace(batch, tainted=False), replace(answer, outcome=Outcome.REFUSED)
    return _record_for(batch, answer, **values)


_record_batch = batches.record


def _unfenced(tx: Any, held: Any, outcome: Any) -> bool:
    row = batches.row_of(tx, held.id)
    return _record_batch(tx, replace(held, epoch=row["epoch"], state=BatchState(row["state"])), outcome)


def _untainted(batch: Any) -> Any:
    return replace(batch, state=BatchState.PLANNED) if batch.state is BatchState.SENDING else batch


_prepare_chunk = Preparing._prepare_chunk


def _no_barrier(self: Preparing, tx: Any, release_id: int, now: Any) -> ReleaseState:
    if releases.get(tx, release_id).state is ReleaseState.SENDING:
        releases.change(tx, release_id, state=ReleaseState.PREPARING)
    state = _prepare_chunk(self, tx, release_id, now)
    releases.change(tx, release_id, state=ReleaseState.SENDING)
    return state


_make = SimCall.make


def _calls_twice(self: SimCall, may_start: Callable[[], bool] = always) -> Answer:
    answer = _make(self, may_start)
    return _make(self, may_start) if answer.outcome is Outcome.UNKNOWN else answer


_record = Recording.record


def _believes_mismatch(self: Recording, ended: Sequence[Any], now: Any) -> None:
    for one in ended:
        if one.answer.outcome is Outcome.MISMATCHED:
            with self.database.writing() as tx:
                batches.start_generation(tx, one.held, now)
    if others := [one for one in ended if one.answer.outcome is not Outcome.MISMATCHED]:
        _record(self, others, now)


_freeze = Claiming._freeze


def _freezes_anew(self: Claiming, picked: Any, *others: Any) -> Any:
    return _freeze(self, replace(picked, frozen=None), *others)


_PAUSED_GOING_ON = select(release.c.id, release.c.due_at, null()).where(
    release.c.state == ReleaseState.SENDING, release.c.occasion == REAL
)
_READY_PAUSED = {**picking._READY, False: picking._where_ready(_PAUSED_GOING_ON, picking._IS_MINE[False])}

MUTANTS = (
    Mutant("a key stays the same for every attempt", ("I1",), ("key", "dedupe"),
           _set(claiming, "batch_key", _fresh_key)),
    Mutant("a claim looks at consent", ("I3",), NAMES, _set(claims.Member, "why_not", None)),
    Mutant("a call starts soon after its claim or never", ("I3", "I9"), NAMES,
           _set(Delivering, "may_start", lambda self, claim: True)),
    Mutant("a key is not outlived", ("I1",), ("key",), _set(unknown, "_key_is_safe", lambda *_: True)),
    Mutant("a log settles before it is searched", ("I1",), ("query",),
           _set(claiming, "next_step", _no_settling)),
    Mutant("a log is searched twice", ("I1",), ("query",), _set(recording, "after_look", _one_look)),
    Mutant("a refusal clears no doubt", ("I1", "I7"), NAMES,
           _set(recording, "record_for", _clears_doubt(Outcome.REFUSED))),
    Mutant("a deferral clears no doubt", ("I1", "I7"), NAMES,
           _set(recording, "record_for", _clears_doubt(Outcome.DEFERRED))),
    Mutant("negative evidence is fenced", ("I1", "I7"), ("spent",), _set(batches, "record", _unfenced)),
    # A log is believed twelve minutes after a call: only who stood still for longer comes too late.
    Mutant("negative evidence is fenced, however late it comes", ("I1", "I7"), ("query",),
           _set(batches, "record", _unfenced)),
    Mutant("a lease that ran out leaves a doubt", ("I1",), NAMES, _set(claiming, "_doubted", _untainted)),
    Mutant("nothing is sent before all is prepared", ("I2", "I8"), NAMES,
           _set(Preparing, "_prepare_chunk", _no_barrier)),
    Mutant("a call is made once", ("I1",), ("query", "events", "none"), _set(SimCall, "make", _calls_twice)),
    Mutant("a batch in doubt is not split", ("I1",), NAMES, _set(recording, "record_for", _splits_tainted)),
    Mutant("issues come in order", ("I6",), ("query",), _set(preparing, "_let_wait", lambda *_: 0)),
    Mutant("a pause stops the next call", ("I9",), NAMES, _set(picking, "_READY", _READY_PAUSED)),
    Mutant("the pace is kept", ("I4",), NAMES, _set(claiming, "admit", lambda account, *_, **__: account)),
    Mutant("who left is not counted with those who stayed", ("I7",), ("key", "dedupe"),
           _set(Recording, "_tell_leavers", lambda *_: None)),
    Mutant("who left does not come back where one proves all", ("I7",), ("key", "dedupe"),
           _set(claiming, "doubt", lambda *_: None)),
    Mutant("a mismatch is a doubt", ("I1",), ("key",), _set(Recording, "record", _believes_mismatch)),
    Mutant("a repeat that is refused was taken before", ("I1", "I7"), ("spent",),
           _set(recording, "record_for", _takes_for_refusal)),
    Mutant("who left does not come back under a key that is spent", ("I7",), ("spent",),
           _set(claiming, "doubt", lambda *_: None)),
    Mutant("events are evidence", ("I7",), NAMES, _set(Evidence, "_apply", lambda *_: None)),
    Mutant("the first claim freezes addresses", ("I1", "I7"), ("dedupe",),
           _set(Claiming, "_freeze", _freezes_anew)),
    Mutant("a rehearsal does not count", ("I2", "I5"), NAMES, _set(Preparing, "occasion", lambda *_: 0)),
    Mutant("a slot is looked at again before it is released", ("I0", "I5"), NAMES,
           _set(slots, "is_unchanged", lambda *_: True)),
)  # fmt: skip
