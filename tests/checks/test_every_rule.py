"""Every rule finds what breaks it, and nothing else does; one that is switched off fails here."""

import pytest
from bad_cast import BAD, NOTES, Found, body, health, link, mail, picture
from bad_drawn_cast import DRAWN
from bad_online_cast import ONLINE
from bad_spam_cast import SPAM, reported
from checks_cast import MESSAGE, issue, letter, section, series

from newsletter.checks.message_bytes import check_bytes
from newsletter.checks.registry import CHAPTERS, every_rule, rules_of
from newsletter.checks.structure import check_letter

READ = {**BAD, **SPAM}
CASES = [pytest.param(name, one, id=f"{name}-{at}") for name in READ for at, one in enumerate(READ[name])]


def test_every_rule_has_something_that_breaks_it():
    assert set(READ) | set(DRAWN) | set(ONLINE) == set(every_rule())


@pytest.mark.parametrize(("name", "found"), CASES)
def test_a_bad_issue_is_found_by_its_rule_alone(name: str, found: Found):
    assert {one.name for one in found()} == {name}


@pytest.mark.parametrize(("name", "found"), [(name, found[0]) for name, found in READ.items()])
def test_a_finding_says_what_its_rule_says(name: str, found: Found):
    rule, first = every_rule()[name], found()[0]
    assert (first.rule, first.severity, first.why) == (str(rule), rule.severity, rule.why)
    assert first.source.startswith(rule.source)
    assert first.what
    assert first.mend


def test_no_two_rules_have_one_name_and_all_say_everything():
    every = [rule for _, modules in CHAPTERS for rule in rules_of(*modules)]
    assert len({rule.name for rule in every}) == len(set(every))
    for rule in every:
        assert rule.name == rule.name.lower()
        assert " " not in rule.name
        assert all([rule.condition, rule.why, rule.mend, rule.source])
        assert not any(text.endswith(".") and text != "." for text in (rule.condition, rule.why))


SOUND = {
    "a plain one": mail(),
    "one with a picture": body(picture()),
    "one with a picture that links": body(f'<a href="https://a.example.org/">{picture()}</a>'),
    "one with a link": body(link("https://example.org/drill#rows")),
    "one with an address and a number": body(link("mailto:ada@example.org") + link("tel:+44123", "Ring")),
    "one whose link says its host": body(link("https://www.example.org/a", "example.org/a")),
    "one with headings": body("<h2>Water</h2><h3>When</h3><p>At dusk.</p><h2>Seed</h2>"),
    "one with data": body('<table><tr><th scope="col">Seed</th></tr><tr><td>Bean</td></tr></table>'),
    "one with layout": body('<table role="presentation"><tr><td>Sow.</td></tr></table>'),
    "one in colour": body('<p style="color:#1f2a2e;background:#eef5f3">Sow.</p>'),
    "one with large pale letters": body('<p style="color:#767676;font-size:24px">Sow.</p>'),
    "one for Outlook": body("<!--[if mso | IE]><b><![endif]--><p>Sow.</p><!--[if mso | IE]></b><![endif]-->"),
    "one about code": mail(body="<pre>&lt;p&gt; opens a paragraph</pre>"),
    "one about health": health("Some people feel looser afterwards. Massage may ease back pain for a time."),
    "one that denies a claim": health("Nobody can promise that it cures back pain. It is not risk-free."),
    "one that asks": health("Is it clinically proven?"),
    "one with a source": health("Studies show little at https://example.org/study so far."),
    "one with all its notes": health("Stretching is fine.", NOTES),
    "one that a spam filter knows nothing of": reported(),
}  # fmt: skip


@pytest.mark.parametrize("found", SOUND.values(), ids=SOUND)
def test_a_good_issue_passes_clean(found: Found):
    assert found() == []


def test_a_good_letter_and_a_good_message_pass_clean():
    assert check_letter(letter(section("soil")), series(issue("one", "soil"))) == []
    assert check_bytes(MESSAGE) == []


@pytest.mark.parametrize(
    "html", ["", "<" * 5_000, "<div>" * 5_000, "<!--[if mso]>" * 500, "\ue000", "<a href>"]
)
def test_anything_can_be_looked_at(html: str):
    body(html)()
