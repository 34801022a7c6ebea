"""Every rule that protects mail, switched off: a seed of the simulator notices each.

Two are not here. That a delivery exists once is a primary key, and no seed can go without it
(`tests/store/test_releases.py`). An event that is applied twice changes nothing the second time: evidence
only ever grows, which the simulator's I10 and `tests/store/test_evidence.py` show.
"""

import pytest
from sim_mutants import MUTANTS, SEEDS, first_seed


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule.replace(" ", "-"))
def test_a_seed_notices_that_this_is_switched_off(mutant):
    assert first_seed(mutant), f"no seed up to {SEEDS} notices that this is switched off: {mutant.rule}"
