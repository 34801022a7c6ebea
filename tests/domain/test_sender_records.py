"""What the records of a sending domain mean: SPF, DKIM and DMARC."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from name_server import RFC_KEY

from newsletter.domain.diagnosis import Verdict
from newsletter.domain.dkim import is_aligned, judge_dkim, rsa_bits
from newsletter.domain.dmarc import is_dmarc, judge_dmarc, walk
from newsletter.domain.spf import Spf, SpfSurvey, is_spf, judge_spf, read_spf

HOME = "news.example.org"


def a_key(bits: int) -> str:
    """Make an RSAPublicKey (RFC 8017 A.1.1) of a length; it is nobody's."""
    inner = _der(0x02, b"\0" + ((1 << bits) - 1).to_bytes(bits // 8)) + _der(0x02, b"\x01\0\x01")
    return b64encode(_der(0x30, inner)).decode()


def _der(tag: int, value: bytes) -> bytes:
    size = len(value).to_bytes((len(value).bit_length() + 7) // 8 or 1)
    head = bytes([len(value)]) if len(value) < 128 else bytes([0x80 | len(size)]) + size
    return bytes([tag]) + head + value


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("v=spf1", True),
        ("v=spf1 -all", True),
        ("V=SPF1 -all", True),
        ("v=spf10 -all", False),
        (" v=spf1 -all", False),
        ("google-site-verification=1", False),
    ],
)
def test_a_text_is_an_spf_record_or_not(text, is_one):
    assert is_spf(text) is is_one


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ("v=spf1 -all", Spf(final="-")),
        ("v=spf1 all", Spf(final="+")),
        ("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ?all", Spf(final="?")),
        ("v=spf1 a mx a:mail.example.org/24 ptr ~all", Spf(4, final="~")),
        (
            "v=spf1 include:a.example.org INCLUDE:b.example.org ~all",
            Spf(2, ("a.example.org", "b.example.org"), final="~"),
        ),
        ("v=spf1 redirect=a.example.org", Spf(1, redirect="a.example.org")),
        ("v=spf1 redirect=a.example.org -all", Spf(final="-")),
        ("v=spf1 -all include:never.example.org", Spf(final="-")),
        ("v=spf1 exists:%{i}.example.org exp=why.example.org -all", Spf(1, final="-")),
        ("v=spf1 includes:a.example.org -all", Spf(wrong="includes:a.example.org")),
        ("v=spf1 include: -all", Spf(wrong="include:")),
        ("v=spf1 192.0.2.1 -all", Spf(wrong="192.0.2.1")),
        ("v=spf1", Spf()),
    ],
)
def test_an_spf_record_is_read_up_to_its_last_word(record, found):
    assert read_spf(record) == found


@given(st.text())
def test_any_text_is_read_as_spf_and_as_a_key(text):
    read_spf(text)
    rsa_bits(text)
    judge_dkim(f"a._domainkey.{HOME}", HOME, [text])
    judge_dmarc(HOME, [(HOME, [text])])


@pytest.mark.parametrize(
    ("survey", "is_envelope", "verdict", "words"),
    [
        (SpfSurvey(["v=spf1 ~all"], 3, "~"), True, Verdict.OK, "3 of 10 look-ups"),
        (SpfSurvey([]), True, Verdict.BLOCKS, "no record"),
        (SpfSurvey([]), False, Verdict.PROBLEM, "it counts if mails bounce to this domain"),
        (SpfSurvey(["v=spf1 -all"] * 2), True, Verdict.BLOCKS, "2 records"),
        (SpfSurvey(["v=spf1 ~all"], 11, "~"), True, Verdict.BLOCKS, "11 look-ups"),
        (SpfSurvey(["v=spf1 ~all"], 10, "~"), True, Verdict.OK, "10 of 10"),
        (SpfSurvey(["v=spf1 ~al"], wrong="~al"), True, Verdict.BLOCKS, "~al"),
        (SpfSurvey(["v=spf1 +all"], 0, "+"), True, Verdict.PROBLEM, "anybody"),
        (SpfSurvey(["v=spf1 a"], 1), True, Verdict.PROBLEM, "forbids nobody"),
    ],
)
def test_spf_blocks_only_where_mails_bounce_to_the_domain(survey, is_envelope, verdict, words):
    found = judge_spf(HOME, survey, is_envelope=is_envelope)
    assert found.verdict is verdict
    assert words in found.said
    assert bool(found.mend) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(("key", "bits"), [(RFC_KEY, 1024), (a_key(2048), 2048), (a_key(512), 512)])
def test_a_key_is_measured(key, bits):
    assert rsa_bits(key) == bits


@pytest.mark.parametrize("key", ["", "AAAA", "not base64", RFC_KEY[:40], b64encode(b"\x30\x80").decode()])
def test_what_is_no_key_has_no_length(key):
    assert rsa_bits(key) is None


@pytest.mark.parametrize(
    ("records", "verdict", "words"),
    [
        ([f"v=DKIM1; k=rsa; p={a_key(2048)}"], Verdict.OK, "rsa, 2,048 bits"),
        ([f"p={a_key(2048)}"], Verdict.OK, "rsa"),
        ([f"k=rsa; t=s; p={a_key(2048)[:100]} {a_key(2048)[100:]};"], Verdict.OK, "2,048"),
        (["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="], Verdict.OK, "ed25519"),
        ([f"v=DKIM1; p={RFC_KEY}"], Verdict.PROBLEM, "1,024"),
        ([f"v=DKIM1; t=y; p={a_key(2048)}"], Verdict.PROBLEM, "t=y"),
        ([f"v=DKIM1; p={a_key(512)}"], Verdict.BLOCKS, "too short"),
        (["v=DKIM1; p="], Verdict.BLOCKS, "withdrawn"),
        (["v=DKIM1; p=hello"], Verdict.BLOCKS, "the key cannot be read"),
        (["v=DKIM2; p=hello"], Verdict.BLOCKS, "the record cannot be read"),
        (["hello"], Verdict.BLOCKS, "the record cannot be read"),
        ([], Verdict.BLOCKS, "no record"),
        (["p=a", "p=b"], Verdict.BLOCKS, "2 records"),
    ],
)
def test_a_key_record_is_judged(records, verdict, words):
    found = judge_dkim(f"s1._domainkey.{HOME}", HOME, records)
    assert (found.verdict, found.what) == (verdict, f"DKIM s1._domainkey.{HOME}")
    assert words in found.said


def test_a_key_of_a_domain_above_counts_and_a_strangers_does_not():
    assert judge_dkim("s1._domainkey.example.org", HOME, [f"p={a_key(2048)}"]).verdict is Verdict.OK
    stranger = judge_dkim("s1._domainkey.example.net", HOME, [f"p={a_key(2048)}"])
    assert stranger.verdict is Verdict.PROBLEM
    assert "example.net" in stranger.said
    assert not is_aligned("example.org", "notexample.org")


def test_the_walk_goes_up_and_skips_what_nobody_asks():
    assert list(walk(HOME)) == [HOME, "example.org", "org"]
    deep = "a.b.c.d.e.f.g.h.i.example.org"
    assert list(walk(deep))[:2] == [deep, "e.f.g.h.i.example.org"]
    assert len(list(walk(deep))) == 8


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("v=DMARC1; p=none", True), ("v = DMARC1; p=none", True), ("v=DMARC1", True), ("p=none", False)],
)
def test_a_text_is_a_dmarc_record_or_not(text, is_one):
    assert is_dmarc(text) is is_one


GOOD = "v=DMARC1; p=none; rua=mailto:dmarc@example.org"


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        ([(HOME, [GOOD])], Verdict.OK, "p=none"),
        ([(HOME, []), ("example.org", [GOOD])], Verdict.OK, "p=none, from _dmarc.example.org"),
        ([(HOME, []), ("example.org", [f"{GOOD}; sp=reject"])], Verdict.OK, "p=reject, from"),
        ([(HOME, [GOOD]), ("example.org", ["v=DMARC1; p=reject"])], Verdict.OK, "p=none"),
        (
            [(HOME, []), ("example.org", [GOOD]), ("org", [f"{GOOD}; psd=y"])],
            Verdict.OK,
            "_dmarc.example.org",
        ),
        ([(HOME, ["v=DMARC1; p=reject"])], Verdict.PROBLEM, "reports go to nobody"),
        ([(HOME, []), ("example.org", []), ("org", [])], Verdict.BLOCKS, "no record"),
        ([(HOME, [GOOD, GOOD])], Verdict.BLOCKS, "2 records"),
        ([(HOME, ["v=DMARC1; rua=mailto:a@example.org"])], Verdict.BLOCKS, "cannot be read"),
        ([(HOME, ["v=DMARC1; p=nothing"])], Verdict.BLOCKS, "cannot be read"),
    ],
)
def test_the_record_that_holds_is_judged(found, verdict, words):
    checked = judge_dmarc(HOME, found)
    assert checked.verdict is verdict
    assert words in checked.said
