"""The ledger under anything in any order, against a service that knows what it really accepted."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from ledger_machine import STEPS, Ledger

from newsletter.domain.delivery import record_for
from newsletter.pipeline import recording
from newsletter.store import batches
from newsletter.store.claims import Member
from newsletter.store.hot import Hot

EXAMPLES, MOST_EXAMPLES = 40, 300


def play(examples: int, machine: type = Ledger, **options) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


def test_the_ledger_holds_whatever_happens(database_url):
    play(EXAMPLES, Ledger.on(database_url))


def forgetful(*arguments, **values):
    return replace(record_for(*arguments, **values), tainted=False)


#: Rules that few steps miss; the simulator's mutants are all of them.
MUTANTS = {
    "a doubt is forgotten": (recording, "record_for", forgetful),
    "consent is not looked at again": (Member, "why_not", None),
    "an answer needs no lease": (batches, "_RECORD", Hot(batches._CHANGE.values(batches._OUTCOME))),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_rule_that_is_switched_off_is_missed(mutant, monkeypatch):
    monkeypatch.setattr(*mutant)
    with pytest.raises(AssertionError):
        play(MOST_EXAMPLES, phases=[Phase.generate])
