"""The files of a letter hold together, or a finding says which line does not."""

import pytest
from checks_cast import issue, letter, refs, rules, section, series

from newsletter.checks.structure import check_letter
from newsletter.domain.finding import Severity


def test_a_letter_in_order_has_no_findings():
    assert check_letter(letter(section("soil")), series(issue("one", "soil"))) == []


@pytest.mark.parametrize(
    ("issues", "leave_out", "rule"),
    [
        ([issue("one", "soil", "sol")], (), "section-unknown"),
        ([issue("one", "soil")], ("nowhere",), "section-unknown"),
        ([issue("one", "soil", subject=" ")], (), "subject-missing (SUB-1)"),
        ([issue("one", "soil", preheader="")], (), "preheader-missing (PRE-1)"),
        ([issue("one", "soil"), issue("two")], (), "issue-empty"),
        ([issue("one", "soil"), issue("two", "soil")], (), "section-repeated"),
        ([issue("one", "soil", "soil")], (), "section-repeated"),
    ],
)
def test_a_fault_is_found_by_its_rule_alone(issues, leave_out, rule):
    assert rules(check_letter(letter(section("soil")), series(*issues, leave_out=refs(*leave_out)))) == [rule]


def test_an_unknown_section_names_itself_its_issue_and_the_nearest():
    (found,) = check_letter(letter(section("soil")), series(issue("one", "soil", "sol")))
    assert "'garden#sol'" in found.what
    assert found.target == "garden/one"
    assert found.mend == "did you mean 'garden#soil'?"


def test_a_section_in_no_issue_is_an_error_at_its_own_line():
    (found,) = check_letter(letter(section("soil"), section("water")), series(issue("one", "soil")))
    assert (found.rule, found.severity) == ("section-unplaced", Severity.ERROR)
    assert str(found.place) == "content/articles/garden.md:3"


def test_a_section_left_out_on_purpose_is_no_finding():
    left_out = series(issue("one", "soil"), leave_out=refs("water"))
    assert check_letter(letter(section("soil"), section("water")), left_out) == []


def test_a_deeper_section_named_beside_the_one_that_holds_it_is_a_repeat():
    whole = letter(section("soil", section("clay")))
    (found,) = check_letter(whole, series(issue("one", "soil"), issue("two", "clay")))
    assert "'one' and 'two'" in found.what
    assert found.severity is Severity.WARNING


def test_a_second_button_in_one_issue_is_a_warning():
    found = check_letter(letter(section("soil", buttons=3)), series(issue("one", "soil")))
    assert [(each.rule, each.severity) for each in found] == [("button-repeated", Severity.WARNING)] * 2
    assert "button number 3" in found[1].what


def test_one_button_in_each_of_two_issues_is_fine():
    two = letter(section("soil", buttons=1), section("water", buttons=1))
    assert check_letter(two, series(issue("one", "soil"), issue("two", "water"))) == []
