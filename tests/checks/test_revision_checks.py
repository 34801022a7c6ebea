"""A rendered issue has all that a mail must have, and nothing that was left to fill in."""

from dataclasses import replace

import pytest
from checks_cast import ADDRESS, HERE, PREHEADER, PUBLICATION, link, picture, revision, rules

from newsletter.checks.revision import check_revision
from newsletter.domain.blocks import Inline, Paragraph
from newsletter.domain.finding import Severity
from newsletter.errors import Place

ARTICLE = Place("content/articles/garden.md", 31)


def check(**changes):
    return check_revision(revision(**changes), PUBLICATION, target="garden/soil", place=HERE)


def test_a_sound_revision_has_no_findings():
    assert check() == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"subject": ""}, "subject-missing (SUB-1)"),
        ({"subject": "a" * 151}, "subject-far-too-long (SUB-1)"),
        ({"subject": "a" * 61}, "subject-too-long (SUB-2)"),
        ({"preheader": " "}, "preheader-missing (PRE-1)"),
        ({"preheader": "a" * 39}, "preheader-too-short (PRE-1)"),
        ({"preheader": "a" * 151}, "preheader-too-long (PRE-1)"),
        ({"subject": PREHEADER[:60], "preheader": PREHEADER[:60]}, "preheader-repeats-subject (PRE-1)"),
        ({"is_way_out": False}, "unsubscribe-link-missing (UNS-4)"),
        ({"is_text_way_out": False}, "unsubscribe-link-missing (UNS-4)"),
        ({"html_footer": ""}, "postal-address-missing (LEG-1)"),
        ({"html_footer": f"<!-- {ADDRESS} -->"}, "postal-address-missing (LEG-1)"),
        ({"text_footer": "Garden House\n"}, "postal-address-missing (LEG-1)"),
        ({"body": picture(alt="none")}, "image-without-alt (IMG-1)"),
        (
            {"body": f'<a href="https://example.org/">{picture(alt="").replace(">", "></a>", 1)}'},
            "image-link-without-alt (IMG-2)",
        ),
        ({"body": "<p>é</p>" * 10_000}, "html-large (SIZE-1)"),
        ({"body": "<p>é</p>" * 12_000}, "html-too-large (SIZE-1)"),
    ],
)
def test_a_fault_is_found_by_its_rule_alone(changes, rule):
    assert rules(check(**changes)) == [rule]


@pytest.mark.parametrize(
    "left",
    [
        "{{ first_name }}",
        "{% if x %}",
        "*|FNAME|*",
        "%recipient.name%",
        "TODO",
        "Lorem ipsum",
        "[First name]",
        "%%name%%",
    ],
)
@pytest.mark.parametrize("part", ["subject", "body", "text_more"])
def test_what_was_left_to_fill_in_is_found_in_every_part(part, left):
    found = check(**{part: f"Soil, {left}, and water"})
    assert rules(found) == ["placeholder-unresolved (SUB-5)"]
    assert left in found[0].what


def test_a_placeholder_in_a_link_is_found():
    assert rules(check(body=link("https://example.org/?n={{id}}"))) == ["placeholder-unresolved (SUB-5)"]


@pytest.mark.parametrize(
    "body",
    [
        "<p>100 % of it</p>",
        picture(alt=""),
        f'<a href="https://example.org/">See {picture(alt="").replace(">", "></a>", 1)}',
        "<p>Todo lists, and [names] in brackets</p>",
    ],
)
def test_what_only_looks_like_a_fault_is_none(body):
    assert check(body=body) == []


def test_an_address_over_two_lines_is_the_address():
    folded = ADDRESS.replace(", Exampletown", ",<br>Exampletown")
    assert check(html_footer=folded, text_footer=folded.replace("<br>", "\n")) == []


def test_a_picture_of_the_letter_may_be_served_from_this_machine_in_a_rehearsal():
    here = replace(PUBLICATION, public_url="http://127.0.0.1:8025")
    made = revision(body=picture(src="http://127.0.0.1:8025/media/a.png"))
    assert check_revision(made, here, target="garden/soil", place=HERE) == []


def test_a_text_part_of_nothing_is_found():
    found = check(text="", text_footer="", is_text_way_out=False)
    assert "text-part-missing (MIME-2)" in rules(found)


def test_a_finding_is_placed_where_the_article_says_it():
    said = Paragraph(Inline('<a href="https://bit.ly/x">a</a>', "a <https://bit.ly/x>"), ARTICLE)
    made = revision(body=link("https://bit.ly/x"))
    (found,) = check_revision(made, PUBLICATION, target="garden/soil", place=HERE, blocks=[said])
    assert (found.rule, found.place) == ("link-shortened (LNK-5)", ARTICLE)


def test_a_finding_says_where_what_why_and_how():
    (found,) = check(subject="a" * 61)
    assert (found.place, found.target, found.severity) == (HERE, "garden/soil", Severity.WARNING)
    assert found.what == "the subject has 61 characters"
    assert found.why
    assert found.mend
