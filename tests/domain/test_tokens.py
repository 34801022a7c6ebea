import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.tokens import MAX_LENGTH, Grant, Key, Purpose, TokenKeys, _derive, pack

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
OLD, NEW = Key("k1", b"a" * 32), Key("k2", b"b" * 32)
KEYS = TokenKeys([NEW, OLD])
GRANT = Grant(series_id=1, subscriber_id=2, issue_id=3, occasion=-4)
TOKEN = KEYS.sign(Purpose.UNSUBSCRIBE, GRANT)

grants = st.builds(
    Grant,
    series_id=st.integers(0, 2**32 - 1),
    subscriber_id=st.integers(0, 2**64 - 1),
    issue_id=st.integers(0, 2**32 - 1),
    occasion=st.integers(-(2**63), 2**63 - 1),
)


def read(token, purpose=Purpose.UNSUBSCRIBE, keys=KEYS, now=NOW):
    return keys.verify(purpose, token, now)


@given(grants, st.sampled_from(Purpose))
def test_a_token_is_read_back(grant, purpose):
    token = KEYS.sign(purpose, grant)
    assert read(token, purpose) == grant
    assert len(token) <= MAX_LENGTH


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_serves_one_purpose(purpose):
    token = KEYS.sign(purpose, GRANT)
    assert [other for other in Purpose if read(token, other)] == [purpose]


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.UNSUBSCRIBE])
def test_a_token_whose_purpose_was_rewritten_is_refused(purpose):
    assert read(KEYS.sign(purpose, GRANT).replace(f".{purpose}.", ".u."), Purpose.UNSUBSCRIBE) is None


@pytest.mark.parametrize("position", range(len(TOKEN)))
def test_a_change_of_any_character_is_noticed(position):
    for char in "Aa0-_.z":
        changed = TOKEN[:position] + char + TOKEN[position + 1 :]
        assert changed == TOKEN or read(changed) is None
    assert read(TOKEN[:position] + TOKEN[position + 1 :]) is None


def test_a_token_with_something_behind_it_is_refused():
    assert [read(TOKEN + more) for more in ("A", "=", "\n", " ", ".", "%0a")] == [None] * 6


def test_mail_of_an_old_key_can_still_be_left():
    old = TokenKeys([OLD]).sign(Purpose.UNSUBSCRIBE, GRANT)
    assert read(old) == GRANT
    assert KEYS.current == "k2"


def test_a_key_that_was_taken_away_grants_nothing():
    assert read(TOKEN, keys=TokenKeys([OLD])) is None


def test_another_secret_under_the_same_name_grants_nothing():
    assert read(TOKEN, keys=TokenKeys([Key("k2", b"c" * 32)])) is None


def test_a_repeat_under_the_key_of_the_first_time_is_identical():
    first = TokenKeys([OLD]).sign(Purpose.VIEW, GRANT)
    assert KEYS.sign(Purpose.VIEW, GRANT, key_id="k1") == first
    assert KEYS.sign(Purpose.VIEW, GRANT, key_id="gone") == KEYS.sign(Purpose.VIEW, GRANT)


def test_a_token_may_expire():
    token = KEYS.sign(Purpose.PROBE, GRANT, expires=NOW)
    assert read(token, Purpose.PROBE) == GRANT
    assert read(token, Purpose.PROBE, now=NOW + timedelta(seconds=1)) is None


def test_an_expiry_cannot_be_put_off():
    until = int(NOW.timestamp())
    token = KEYS.sign(Purpose.PROBE, GRANT, expires=NOW)
    assert read(token.replace(str(until), str(until + 9)), Purpose.PROBE) is None
    assert read(token.replace(str(until), "0"), Purpose.PROBE) is None


def test_a_token_without_an_expiry_lasts_for_ever():
    assert read(TOKEN, now=NOW + timedelta(days=36500)) == GRANT


def test_a_token_fits_a_url_and_names_nobody():
    assert set(TOKEN) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert "@" not in TOKEN
    assert len(TOKEN) < 90


def test_marks_differ_by_grant_and_purpose_and_grant_nothing():
    mark, again, other = KEYS.mark_each(Purpose.MESSAGE_ID, pack([GRANT, GRANT, Grant(1, 2, 3, 5)]))
    assert mark == again
    assert mark not in (other, *KEYS.mark_each(Purpose.VIEW, pack([GRANT])))
    assert read(mark, Purpose.MESSAGE_ID) is None


def test_a_code_is_the_hmac_of_rfc_2104():
    secret = KEYS._macs[NEW.id, Purpose.VIEW]
    whole = hmac.digest(_derive(NEW.secret, Purpose.VIEW), b"any message", "sha256")
    assert secret.each([b"any message"]) == [urlsafe_b64encode(whole[:16]).rstrip(b"=").decode()]


def test_many_tokens_are_those_that_are_made_one_by_one():
    grants = [Grant(1, number, 3, -number) for number in range(50)]
    made = KEYS.sign_each(Purpose.UNSUBSCRIBE, pack(grants))
    assert made == [KEYS.sign(Purpose.UNSUBSCRIBE, one) for one in grants]
    assert [read(token) for token in made] == grants


@given(st.text(max_size=300))
def test_no_text_from_outside_grants_anything_or_raises(text):
    assert read(text) is None


@given(st.lists(st.text(max_size=30), min_size=4, max_size=4))
def test_nothing_in_the_shape_of_a_token_grants_anything_or_raises(parts):
    key, payload, until, mac = parts
    assert read(f"v1.{key}.u.{payload}.{until}.{mac}") is None


@given(st.sampled_from(["x", "-1", "", "1e9", "99999999999999999999", "٣"]), st.text(max_size=20))
def test_a_strange_expiry_or_payload_grants_nothing_or_raises(until, payload):
    mac = TOKEN.rpartition(".")[2]
    assert read(f"v1.k2.u.{payload}.{until}.{mac}") is None


def test_no_key_at_all_is_a_mistake():
    with pytest.raises(ValueError, match="at least one key"):
        TokenKeys([])
