import pytest
from fake_cases import START
from hands import Hands


@pytest.fixture
def clock():
    return Hands(START)
