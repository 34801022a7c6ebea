import sys
from io import StringIO

import pytest
import structlog
from letter_cast import Office, write_letter


def test_a_bug_in_the_log_shows_no_value_of_a_person_or_a_key(tmp_path, capsys):
    office = Office(write_letter(tmp_path))
    office.app()
    address, key = "ada@example.org", "key-" + "of-the-account"
    try:
        assert address != key
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger().error("a step failed", exc_info=True)
    said = capsys.readouterr().out
    assert "ZeroDivisionError" in said
    assert "test_logs.py" in said
    assert address not in said
    assert "key-of-the-account" not in said


class Unwritable(StringIO):
    """An output that takes nothing."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, _text):
        raise self.error


@pytest.mark.parametrize("error", [OSError(28, "no space left"), BrokenPipeError(), ValueError("closed")])
def test_a_line_that_cannot_be_written_is_lost_and_stops_nobody(tmp_path, monkeypatch, capsys, error):
    Office(write_letter(tmp_path)).app()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Unwritable(error))
        structlog.get_logger().error("this line is lost")
    structlog.get_logger().error("and this one is not")
    assert "and this one is not" in capsys.readouterr().out
