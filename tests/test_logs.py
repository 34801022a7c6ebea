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
