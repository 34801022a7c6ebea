"""Real processes, killed and stopped at random: some runs hold; with a rule switched off they do not.

`make chaos` plays a hundred; a failing run prints its plan and how to see it again.
"""

import re

import pytest
from chaos import play_all
from chaos_plan import Act, Database, Leave, Plan, What, draw
from chaos_told import told
from postgres_server import Unavailable

from newsletter.testing.fake_http import Fault

pytestmark = pytest.mark.process
RUNS = {Database.SQLITE: 10, Database.POSTGRES: 4}
#: A busy machine may leave out the moment at which a rule matters.
ATTEMPTS = 4


def plan(number, without, **values):
    quiet = {
        "number": number, "provider": "resend", "people": 200, "is_served": True, "latency": 0.1,
        "index_lag": 0.0, "calls_per_second": 40, "faults": (), "pauses": (), "acts": (), "leaves": (),
    }  # fmt: skip
    return Plan(**(quiet | values), without=without)


#: One of three processes ends and starts again, while the others have calls under way.
STARTED_BESIDE = {
    "database": Database.POSTGRES, "latency": 1.0, "calls_per_second": 6,
    "acts": (Act(What.TERM, 4, 0.0, 0.0, who=2),),
}  # fmt: skip
#: Single passes, and a server that crashes when calls have just begun.
CRASHED = {
    "database": Database.POSTGRES, "is_served": False, "latency": 0.5,
    "acts": (Act(What.CRASH, 6, 0.0, 0.0), Act(What.CRASH, 10, 0.0, 0.0)),
}  # fmt: skip
#: A rule, what happens in a run without it, and what is then seen.
MUTANTS = (
    (
        plan(1, "a key for all attempts", faults=(Fault.ACCEPT_THEN_DROP,)),
        r"reader\d+@example.org was accepted 2 times",
    ),
    (
        plan(2, "a doubt after a kill", provider="mailgun", latency=1.0, acts=(Act(What.KILL, 1, 0.0, 0.0),)),
        r"reader\d+@example.org was accepted 2 times",
    ),
    (
        plan(3, "a look at consent", calls_per_second=3, leaves=(Leave(1, 0.0, 1, has_mail=True),)),
        r"a call for reader1@example.org .* began \d.\d\d s after they had left",
    ),
    (
        plan(4, "the leases of the living", **STARTED_BESIDE),
        r"reader\d+@example.org was called \d times for .*, and no call was cut off",
    ),
    (
        plan(5, "a claim that outlives the server", **CRASHED),
        # It finds calls that its database knows nothing of, and refuses to go on.
        r"run.txt ended by itself with 1",
    ),
)


@pytest.fixture
def play(tmp_path):
    """Play plans, or skip the test where their server cannot run."""

    def play(plans, again=0):
        folder = tmp_path / str(again)
        folder.mkdir()
        try:
            return list(play_all(plans, folder))
        except Unavailable as reason:
            pytest.skip(f"no PostgreSQL: {reason}")

    return play


@pytest.mark.parametrize("database", Database)
def test_whatever_dies_or_stands_still_everybody_who_stays_is_accepted_once(play, database):
    runs = RUNS[database]
    played = play([draw(number, database) for number in range(1, runs + 1)])
    assert not any(run.wrong for run in played), "\n\n".join(told(run) for run in played if run.wrong)
    assert {run.plan.provider for run in played} == {"resend", "mailgun"}
    assert sum(run.acts[What.KILL] for run in played) >= runs
    assert sum(run.left for run in played) >= runs
    if database is Database.POSTGRES:
        assert sum(run.acts[What.CRASH] for run in played) >= runs


def test_a_process_that_starts_beside_others_makes_none_of_their_calls_again(play):
    (run,) = play([plan(4, "", **STARTED_BESIDE)])
    assert not run.wrong, told(run)
    assert run.outcomes == {"accepted": 16}


def test_what_was_claimed_before_a_crash_of_the_server_is_known_after_it(play):
    (run,) = play([plan(5, "", **CRASHED)])
    assert not run.wrong, told(run)
    assert run.acts[What.CRASH] == 2


def test_a_run_without_a_rule_that_protects_mail_is_judged_bad(play):
    left = list(MUTANTS)
    for attempt in range(ATTEMPTS):
        runs = play([plan for plan, _ in left], attempt)
        missed = [not _is_judged(run, sentence) for run, (_, sentence) in zip(runs, left, strict=True)]
        left = [mutant for mutant, is_missed in zip(left, missed, strict=True) if is_missed]
        if not left:
            return
    pytest.fail("\n\n".join(told(run) for run in runs))


def _is_judged(run, sentence):
    return any(re.search(sentence, one) for one in run.wrong)


def test_a_plan_is_drawn_from_its_number_and_its_database_alone():
    assert draw(7) == draw(7) != draw(8)
    assert draw(7, Database.SQLITE) != draw(7, Database.POSTGRES)
    assert {draw(number).database for number in range(4)} == set(Database)
