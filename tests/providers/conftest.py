import pytest
from hands import Hands
from provider_cases import IMPATIENT
from provider_cast import DATE


@pytest.fixture
def clock():
    return Hands(DATE)


@pytest.fixture
def account(fake, provider_of):
    return provider_of(fake.url)


@pytest.fixture
def impatient(fake, provider_of):
    return provider_of(fake.url, IMPATIENT)
