"""A warning that an editor lets stand, with the reason; an error cannot be."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from newsletter.checks.registry import every_rule
from newsletter.domain.finding import Acknowledgement, Finding, Severity
from newsletter.domain.letter import Letter
from newsletter.domain.series import Issue, Series
from newsletter.domain.slugs import offer
from newsletter.errors import LetterError


def refuse_unusable(letter: Letter) -> None:
    """Raise LetterError for what is acknowledged and cannot be: no such rule, or one that blocks."""
    rules = every_rule()
    may_stand = [name for name, rule in rules.items() if rule.severity is not Severity.ERROR]
    for one in _every(letter):
        rule = rules.get(one.rule)
        if rule is None:
            message = f"there is no rule {one.rule!r} to acknowledge"
            raise LetterError(message, place=one.place, mend=offer(one.rule, may_stand))
        if rule.severity is Severity.ERROR:
            message = f"{rule} is an error, and only warnings can be acknowledged"
            raise LetterError(message, place=one.place, mend=rule.mend)


def with_reasons(letter: Letter, series: Series, findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of a series, those with the reason that stand acknowledged.

    What an article acknowledges holds for every issue that uses a section of it, what a series does for all
    of its issues, what an issue does for that one.
    """
    issues = {f"{series.slug}/{issue.id}": issue for issue in series.issues}
    return [_with_reason(one, _standing(letter, series, issues.get(one.target))) for one in findings]


def _with_reason(finding: Finding, standing: Sequence[Acknowledgement]) -> Finding:
    if finding.severity is Severity.ERROR:
        return finding
    return next(
        (replace(finding, acknowledged=one.reason) for one in standing if one.rule == finding.name), finding
    )


def _standing(letter: Letter, series: Series, issue: Issue | None) -> list[Acknowledgement]:
    slugs = dict.fromkeys(ref.article for ref in issue.sections) if issue else ()
    articles = [letter.articles[slug] for slug in slugs if slug in letter.articles]
    own = list(issue.acknowledge) if issue else []
    return [*own, *(one for article in articles for one in article.acknowledge), *series.acknowledge]


def _every(letter: Letter) -> Iterable[Acknowledgement]:
    for article in letter.articles.values():
        yield from article.acknowledge
    for series in letter.series.values():
        yield from series.acknowledge
        for issue in series.issues:
            yield from issue.acknowledge
