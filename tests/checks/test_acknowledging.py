"""A warning may stand for a reason; an error may not, and an unknown rule is one clear sentence."""

from dataclasses import replace

import pytest
from checks_cast import HERE, issue, letter, refs, section, series

from newsletter.checks.acknowledging import refuse_unusable, with_reasons
from newsletter.checks.structure import check_letter
from newsletter.domain.finding import Acknowledgement, errors_of, open_of
from newsletter.domain.letter import Letter
from newsletter.errors import LetterError, Place

THERE = Place("content/articles/garden.md", 5)


def stand(rule: str, reason: str = "on purpose") -> tuple[Acknowledgement, ...]:
    return (Acknowledgement(rule, reason, THERE),)


def two_buttons(**article: object) -> Letter:
    made = letter(section("soil", buttons=2))
    return replace(made, articles={"garden": replace(made.articles["garden"], **article)})


def open_ones(whole: Letter, of) -> list[str]:
    return [one.name for one in open_of(with_reasons(whole, of, check_letter(whole, of)))]


ONE = issue("one", "soil")


def test_a_warning_nobody_has_acknowledged_is_open():
    assert open_ones(two_buttons(), series(ONE)) == ["button-repeated"]


@pytest.mark.parametrize(
    ("whole", "of"),
    [
        (two_buttons(acknowledge=stand("button-repeated")), series(ONE)),
        (two_buttons(), replace(series(ONE), acknowledge=stand("button-repeated"))),
        (two_buttons(), series(replace(ONE, acknowledge=stand("button-repeated")))),
    ],
    ids=["in the article", "in the series", "in the issue"],
)
def test_an_acknowledged_warning_stands_with_its_reason(whole, of):
    assert open_ones(whole, of) == []
    (found,) = with_reasons(whole, of, check_letter(whole, of))
    assert found.acknowledged == "on purpose"


def test_what_one_issue_acknowledges_is_open_in_another():
    whole = letter(section("soil", buttons=2), section("water", buttons=2))
    of = series(replace(ONE, acknowledge=stand("button-repeated")), issue("two", "water"))
    assert [one.target for one in open_of(with_reasons(whole, of, check_letter(whole, of)))] == ["garden/two"]


def test_another_rule_is_not_meant():
    assert open_ones(two_buttons(acknowledge=stand("html-large")), series(ONE)) == ["button-repeated"]


def test_an_error_stays_one():
    of = series(ONE, leave_out=refs("nowhere"))
    of = replace(of, acknowledge=stand("section-unknown"))
    whole = letter(section("soil"))
    assert len(errors_of(open_of(with_reasons(whole, of, check_letter(whole, of))))) == 1


def refusal(**series_keys: object) -> LetterError:
    whole = Letter({}, {"garden": replace(series(ONE), **series_keys)})
    with pytest.raises(LetterError) as refused:
        refuse_unusable(whole)
    return refused.value


def test_an_unknown_rule_is_one_sentence_with_the_nearest():
    said = refusal(acknowledge=stand("subject-to-long"))
    assert str(said).startswith(f"{THERE}: there is no rule 'subject-to-long' to acknowledge; did you mean")
    assert "'subject-too-long'" in said.mend
    assert said.place == THERE


def test_an_error_cannot_be_acknowledged():
    said = refusal(acknowledge=stand("html-too-large"))
    assert said.message == "html-too-large (SIZE-1) is an error, and only warnings can be acknowledged"


@pytest.mark.parametrize("rule", ["subject-too-long", "image-may-hold-text"])
def test_warnings_and_remarks_can_be(rule):
    made = two_buttons(acknowledge=stand(rule))
    refuse_unusable(replace(made, series={"garden": replace(series(ONE), acknowledge=stand(rule))}))


def test_the_unknown_rule_of_an_issue_or_an_article_is_found_too():
    of = series(replace(ONE, acknowledge=(Acknowledgement("nope", "why not", HERE),)))
    with pytest.raises(LetterError, match=r"garden.toml:12: there is no rule 'nope'"):
        refuse_unusable(Letter({}, {"garden": of}))
    with pytest.raises(LetterError, match=r"garden.md:5: there is no rule 'nope'"):
        refuse_unusable(two_buttons(acknowledge=stand("nope")))
