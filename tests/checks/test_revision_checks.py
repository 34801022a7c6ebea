"""A rendered issue has all that a mail must have, and nothing that was left to fill in."""

import pytest
from checks_cast import ADDRESS, HERE, PREHEADER, PUBLICATION, revision, rules

from newsletter.checks.revision import check_revision
from newsletter.domain.finding import Severity


def check(**changes):
    return check_revision(revision(**changes), PUBLICATION, target="garden/soil", place=HERE)


def test_a_sound_revision_has_no_findings():
    assert check() == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"subject": ""}, "subject-missing (SUB-1)"),
        ({"subject": "a" * 151}, "subject-too-long (SUB-1)"),
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
        ({"body": '<img src="a.png">'}, "image-without-alt (IMG-1)"),
        (
            {"body": '<a href="https://example.org/"><img src="a.png" alt=""></a>'},
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
@pytest.mark.parametrize("part", ["subject", "body", "text"])
def test_what_was_left_to_fill_in_is_found_in_every_part(part, left):
    (found,) = check(**{part: f"Soil, {left}, and water"})
    assert found.rule == "placeholder-unresolved (SUB-5)"
    assert left in found.what


def test_a_placeholder_in_a_link_is_found():
    assert rules(check(body='<a href="https://example.org/?n={{ id }}">a</a>')) == [
        "placeholder-unresolved (SUB-5)"
    ]


@pytest.mark.parametrize(
    "body",
    [
        "<style>@media x{a{b:c}}</style><p>100 % of it</p>",
        '<img src="a.png" alt="">',
        '<a href="https://example.org/">See <img src="a.png" alt=""></a>',
        "<p>Todo lists, and [names] in brackets</p>",
    ],
)
def test_what_only_looks_like_a_fault_is_none(body):
    assert check(body=body) == []


def test_an_address_over_two_lines_is_the_address():
    folded = ADDRESS.replace(", Exampletown", ",<br>Exampletown")
    assert check(html_footer=folded, text_footer=folded.replace("<br>", "\n")) == []


def test_a_text_part_of_nothing_is_found():
    found = check(text="", text_footer="", is_text_way_out=False)
    assert "text-part-missing (MIME-2)" in rules(found)


def test_a_finding_says_where_what_why_and_how():
    (found,) = check(subject="a" * 61)
    assert (found.place, found.target, found.severity) == (HERE, "garden/soil", Severity.WARNING)
    assert found.what == "the subject has 61 characters"
    assert found.why
    assert found.mend
