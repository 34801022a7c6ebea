"""An office that works on the small letter."""

from contextlib import closing

import pytest
from letter_cast import PEOPLE, Office, write_letter


@pytest.fixture
def office(tmp_path):
    """Give a letter with five subscribers and nothing queued."""
    with closing(Office(write_letter(tmp_path))) as office:
        yield office.join(*PEOPLE)


@pytest.fixture
def queued(office):
    """Give a letter with both issues queued."""
    office.queue()
    return office
