import pytest
from provider_cases import IMPATIENT
from provider_cast import Hands


@pytest.fixture
def clock():
    return Hands()


@pytest.fixture
def account(fake, provider_of):
    return provider_of(fake.url)


@pytest.fixture
def impatient(fake, provider_of):
    return provider_of(fake.url, IMPATIENT)
