"""Does a series hold together: its sections exist, each has its place, each issue says what it is."""

from collections.abc import Iterator

from newsletter.checks.cadence import check_cadence
from newsletter.checks.rules import error, warning
from newsletter.domain.article import Section
from newsletter.domain.blocks import Button, walk
from newsletter.domain.finding import Finding
from newsletter.domain.letter import Letter, Target
from newsletter.domain.series import Issue, SectionRef, Series
from newsletter.domain.slugs import offer

SECTION_UNKNOWN = error(
    "section-unknown",
    "",
    "an issue can only be made of sections that an article has",
    "name a section that exists",
)
SECTION_UNPLACED = error(
    "section-unplaced",
    "",
    "a section in no issue is read by nobody, and is usually forgotten rather than meant to be",
    "name it in an issue, or in leave_out",
)
SECTION_REPEATED = warning(
    "section-repeated",
    "",
    "subscribers would read the same text twice in one series",
    "keep it in one of them",
)
ISSUE_EMPTY = error("issue-empty", "", "an issue without sections is an empty mail", "name its sections")
SUBJECT_MISSING = error("subject-missing", "SUB-1", "a mail without a subject looks like spam", "write one")
PREHEADER_MISSING = error(
    "preheader-missing",
    "PRE-1",
    "an inbox shows it beside the subject, and otherwise the first words it finds",
    "write 40 to 100 characters that the subject does not say already",
)
BUTTON_REPEATED = warning(
    "button-repeated", "", "two buttons compete; one a mail is pressed more often", "make the others links"
)


def check_letter(letter: Letter, series: Series) -> list[Finding]:
    """Check one series and the articles it draws on, in the order of its file."""
    findings = list(check_cadence(series))
    findings += [found for issue in series.issues for found in _check_issue(letter, series, issue)]
    findings += _check_leave_out(letter, series)
    findings += _check_repeats(letter, series)
    for section in letter.unplaced(series):
        what = f"no issue of {series.slug!r} uses the section {section.key!r}"
        mend = f"name it in an issue, or in leave_out of {series.place.file}"
        findings.append(SECTION_UNPLACED.found(section.place, what, target=series.slug, mend=mend))
    return findings


def _check_issue(letter: Letter, series: Series, issue: Issue) -> Iterator[Finding]:
    target = _target(series, issue)
    if not issue.subject.strip():
        yield SUBJECT_MISSING.found(issue.place, f"issue {issue.id!r} has no subject", target=target)
    if not issue.preheader.strip():
        yield PREHEADER_MISSING.found(issue.place, f"issue {issue.id!r} has no preheader", target=target)
    if not issue.sections:
        yield ISSUE_EMPTY.found(issue.place, f"issue {issue.id!r} has no sections", target=target)
    for ref in issue.sections:
        if letter.section(ref) is None:
            what = f"issue {issue.id!r} uses the section {str(ref)!r}, which does not exist"
            yield SECTION_UNKNOWN.found(issue.place, what, target=target, mend=_nearest(letter, ref))
    buttons = _buttons(letter, issue)
    for number, button in enumerate(buttons[1:], 2):
        what = f"{button.label!r} is button number {number} of issue {issue.id!r}"
        yield BUTTON_REPEATED.found(button.place, what, target=target)


def _check_leave_out(letter: Letter, series: Series) -> Iterator[Finding]:
    for ref in series.leave_out:
        if letter.section(ref) is None:
            what = f"leave_out names the section {str(ref)!r}, which does not exist"
            mend = _nearest(letter, ref)
            yield SECTION_UNKNOWN.found(series.place, what, target=series.slug, mend=mend)


def _check_repeats(letter: Letter, series: Series) -> Iterator[Finding]:
    first_use: dict[str, Issue] = {}
    for issue in series.issues:
        for section in _named(letter, issue):
            # A section brings its deeper ones along, so either may have come earlier.
            keys = [inner.key for inner in section.walk()]
            if earlier := next((first_use[key] for key in keys if key in first_use), None):
                what = f"the section {section.key!r} is in the issues {earlier.id!r} and {issue.id!r}"
                if earlier is issue:
                    what = f"the section {section.key!r} is twice in the issue {issue.id!r}"
                yield SECTION_REPEATED.found(issue.place, what, target=_target(series, issue))
            first_use.update(dict.fromkeys(keys, issue))


def _named(letter: Letter, issue: Issue) -> list[Section]:
    return [section for ref in issue.sections if (section := letter.section(ref)) is not None]


def _buttons(letter: Letter, issue: Issue) -> list[Button]:
    blocks = [block for section in _named(letter, issue) for block in walk(section.as_blocks())]
    return [block for block in blocks if isinstance(block, Button)]


def _nearest(letter: Letter, ref: SectionRef) -> str:
    return offer(
        str(ref), [section.key for article in letter.articles.values() for section in article.walk()]
    )


def _target(series: Series, issue: Issue) -> str:
    return str(Target(series.slug, issue.id))
