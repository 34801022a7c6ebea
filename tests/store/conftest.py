import pytest
from store_cast import Newsletter


@pytest.fixture
def newsletter(database):
    """Give a series with two issues and nobody in it."""
    return Newsletter(database).apply()
