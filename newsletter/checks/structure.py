"""Does a series hold together: its sections exist, each has its place, each issue says what it is."""

import re
from collections.abc import Iterator

from newsletter.checks.cadence import check_cadence
from newsletter.checks.rules import error, info, warning
from newsletter.domain.article import Section
from newsletter.domain.blocks import Button, walk
from newsletter.domain.finding import Finding
from newsletter.domain.letter import Letter, Target
from newsletter.domain.series import Issue, SectionRef, Series
from newsletter.domain.slugs import offer

SECTION_UNKNOWN = error(
    "section-unknown",
    "",
    "an issue or `leave_out` names a section that no article has",
    "an issue can only be made of sections that an article has",
    "name a section that exists",
)
SECTION_UNPLACED = error(
    "section-unplaced",
    "",
    "a section of an article that a series draws on is in no issue and not in `leave_out`",
    "a section in no issue is read by nobody, and is usually forgotten rather than meant to be",
    "name it in an issue, or in leave_out",
)
SECTION_REPEATED = warning(
    "section-repeated",
    "",
    "a section is in two issues of a series, or in one twice",
    "subscribers would read the same text twice in one series",
    "keep it in one of them",
)
ISSUE_EMPTY = error(
    "issue-empty",
    "",
    "an issue names no section",
    "an issue without sections is an empty mail",
    "name its sections",
)
SUBJECT_MISSING = error(
    "subject-missing",
    "SUB-1",
    "the subject is empty",
    "a mail without a subject looks like spam",
    "write one",
    "SpamAssassin MISSING_SUBJECT",
)
PREHEADER_MISSING = error(
    "preheader-missing",
    "PRE-1",
    "the preheader is empty",
    "an inbox shows it beside the subject, and otherwise the first words it finds",
    "write 40 to 100 characters that the subject does not say already",
)
BUTTON_REPEATED = warning(
    "button-repeated",
    "",
    "an issue has more than one button",
    "two buttons compete; one a mail is pressed more often",
    "make the others links",
)

SUBJECT_REPEATED = info(
    "subject-repeated",
    "SIZE-6",
    "two issues of a series have the same subject",
    "Gmail puts them into one conversation, and folds what it has shown before",
    "say what is new in this one",
    "github.com/mjmlio/mjml/issues/2631",
)
NOBODY_READS = warning(
    "sender-reads-no-replies",
    "HDR-9",
    "replies go to an address that begins with `no-reply` or the like",
    "people answer a letter, and Outlook.com asks for an address that can receive it",
    "write an address that somebody reads into reply_to",
    "Outlook.com, requirements for high-volume senders (April 2025)",
)

_NO_REPLY = re.compile(r"\b(?:no|do-?not)[-_.]?reply\S*@", re.IGNORECASE)


def check_letter(letter: Letter, series: Series) -> list[Finding]:
    """Check one series and the articles it draws on, in the order of its file."""
    findings = list(check_cadence(series))
    findings += [found for issue in series.issues for found in _check_issue(letter, series, issue)]
    findings += _check_leave_out(letter, series)
    findings += _check_repeats(letter, series)
    findings += _check_sender(series)
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


def _check_sender(series: Series) -> Iterator[Finding]:
    address = series.reply_to or series.sender
    if _NO_REPLY.search(address):
        yield NOBODY_READS.found(series.place, f"replies go to {address}", target=series.slug)
    subjects: dict[str, Issue] = {}
    for issue in series.issues:
        earlier = subjects.setdefault(issue.subject.strip().casefold(), issue)
        if earlier is not issue and issue.subject.strip():
            what = f"the issues {earlier.id!r} and {issue.id!r} have the same subject"
            yield SUBJECT_REPEATED.found(issue.place, what, target=_target(series, issue))


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
