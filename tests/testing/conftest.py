import pytest
from fake_cases import Hands


@pytest.fixture
def clock():
    return Hands()
