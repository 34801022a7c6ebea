"""Real processes, killed and stopped at random: ten runs hold; with a rule switched off they do not.

`make chaos` plays a hundred; a failing run prints its plan and how to see it again.
"""

import re

import pytest
from chaos import play_all, told
from chaos_plan import Act, Leave, Plan, What, draw

from newsletter.testing.fake_http import Fault

pytestmark = pytest.mark.process
RUNS = 10


def plan(number, without, **values):
    quiet = {
        "number": number, "provider": "resend", "people": 200, "is_served": True, "latency": 0.1,
        "index_lag": 0.0, "calls_per_second": 40, "faults": (), "pauses": (), "acts": (), "leaves": (),
    }  # fmt: skip
    return Plan(**(quiet | values), without=without)


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
)


def test_whatever_dies_or_stands_still_everybody_who_stays_is_accepted_once(tmp_path):
    played = list(play_all([draw(number) for number in range(1, RUNS + 1)], tmp_path))
    assert not any(run.wrong for run in played), "\n\n".join(told(run) for run in played if run.wrong)
    assert {run.plan.provider for run in played} == {"resend", "mailgun"}
    assert sum(run.acts[What.KILL] for run in played) >= RUNS
    assert sum(run.left for run in played) >= RUNS


def test_a_run_without_a_rule_that_protects_mail_is_judged_bad(tmp_path):
    plans, sentences = zip(*MUTANTS, strict=True)
    for run, sentence in zip(play_all(list(plans), tmp_path), sentences, strict=True):
        assert any(re.search(sentence, one) for one in run.wrong), told(run)


def test_a_plan_is_drawn_from_its_number_alone():
    assert draw(7) == draw(7) != draw(8)
