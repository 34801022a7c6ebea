"""Files to a revision: load, compose, freeze pictures, render, check."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from newsletter.checks.acknowledging import refuse_unusable, with_reasons
from newsletter.checks.message_bytes import check_bytes
from newsletter.checks.revision import check_revision
from newsletter.checks.sample import VALUES, Inspection, Sample
from newsletter.checks.structure import check_letter
from newsletter.checks.support import check_support
from newsletter.content.changed_files import changed_files, is_affected
from newsletter.content.images import with_frozen_images
from newsletter.content.letters import load_letter
from newsletter.domain.blocks import Block
from newsletter.domain.finding import Finding, Severity, errors_of, open_of
from newsletter.domain.letter import Composition, Letter, Publication, Target, compose, find_target
from newsletter.domain.message import Recipient, message_of, sender_domain
from newsletter.domain.revision import Media, Revision
from newsletter.domain.series import Issue, Series
from newsletter.domain.slugs import offer
from newsletter.errors import LetterError
from newsletter.providers.mime import compile_mime
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.sources import FOLDER

_SAMPLE_DATE = datetime(2000, 1, 3, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Composed:
    """An issue as it would go out now, with its pictures and what the checks found.

    `findings` are those that nobody has acknowledged.
    """

    series: Series
    issue: Issue
    revision: Revision
    media: tuple[Media, ...]
    findings: tuple[Finding, ...]
    acknowledged: tuple[Finding, ...] = ()
    blocks: tuple[Block, ...] = ()

    @property
    def target(self) -> str:
        return f"{self.series.slug}/{self.issue.id}"


@dataclass(frozen=True)
class Composing:
    """Render issues from the files as they are now; `providers` are the names that a series may give."""

    root: Path
    publication: Publication
    renderer: Renderer
    vocabularies: tuple[str, ...] = ()
    providers: tuple[str, ...] | None = None

    def letter(self) -> Letter:
        """Read the letter's files; raises LetterError for what cannot be used."""
        letter = load_letter(self.root)
        if self.providers is not None:
            refuse_unknown_providers(letter, self.providers)
        return letter

    def find(self, letter: Letter, name: str) -> Target:
        """Resolve TARGET by the files."""
        return find_target(
            name, {slug: [one.id for one in series.issues] for slug, series in letter.series.items()}
        )

    def issues(self, letter: Letter, name: str | None) -> list[tuple[Series, Issue]]:
        """List the issues that a TARGET means, in order; all of the letter without one."""
        if name is None:
            return [(series, issue) for series in letter.series.values() for issue in series.issues]
        target = self.find(letter, name)
        series = letter.series[target.series]
        return [(series, issue) for issue in series.issues if target.issue in (None, issue.id)]

    def compose(self, letter: Letter, series: Series, issue: Issue) -> Composed:
        """Render and check one issue; raises LetterError or TemplateError for what cannot be rendered."""
        composition, media = self._frozen(letter, series, issue)
        revision = self.renderer.render(composition)
        target = f"{series.slug}/{issue.id}"
        blocks = tuple(block for section in composition.blocks for block in section)
        found = check_revision(
            revision,
            self.publication,
            target=target,
            place=issue.place,
            blocks=blocks,
            media=media,
            vocabularies=self.vocabularies,
        )
        if not errors_of(found):
            found += _check_mail(series, issue, revision)
        found = with_reasons(letter, series, found)
        acknowledged = tuple(one for one in found if one.acknowledged)
        return Composed(series, issue, revision, media, tuple(open_of(found)), acknowledged, blocks)

    def source_hash(self, letter: Letter, series: Series, issue: Issue) -> str:
        """Name what an issue is made from now, to compare with what was approved."""
        return self.renderer.source_hash(self._frozen(letter, series, issue)[0])

    def check(
        self, name: str | None = None, *, since: str | None = None, inspections: Sequence[Inspection] = ()
    ) -> list[Finding]:
        """Check what a TARGET means, or the whole letter; with `since` only what differs from that revision.

        What is acknowledged is among it, with its reason. `inspections` look at the issues that could be
        rendered; what a rule said before them is not said again. Raises LetterError for an acknowledgement of
        a rule that does not exist, or of an error.
        """
        letter = self.letter()
        refuse_unusable(letter)
        wanted = self.issues(letter, name)
        if since is not None:
            changed = changed_files(self.root, since)
            wanted = [one for one in wanted if is_affected(letter, *one, changed)]
        found = self._check_files(letter, wanted)
        missing = {one.target for one in found if one.rule.startswith("section-unknown")}
        composed = [self.compose(letter, *one) for one in wanted if _name_of(*one) not in missing]
        found = _with_those_of(composed, found)
        found += self._inspect(letter, composed, inspections, found)
        return _of_issues(wanted, found)

    def check_composed(self, letter: Letter, composed: Sequence[Composed]) -> list[Finding]:
        """Check issues as `check` does, without composing them again."""
        refuse_unusable(letter)
        wanted = [(one.series, one.issue) for one in composed]
        return _of_issues(wanted, _with_those_of(composed, self._check_files(letter, wanted)))

    def _check_files(self, letter: Letter, wanted: Sequence[tuple[Series, Issue]]) -> list[Finding]:
        return [
            found
            for slug in dict.fromkeys(series.slug for series, _ in wanted)
            for found in with_reasons(letter, letter.series[slug], self._check_series(letter, slug))
        ]

    def _check_series(self, letter: Letter, series: str) -> list[Finding]:
        found = check_letter(letter, letter.series[series])
        return found + check_support(*self.renderer.changed_templates(), FOLDER, series)

    def _inspect(
        self,
        letter: Letter,
        rendered: Sequence[Composed],
        inspections: Sequence[Inspection],
        before: Sequence[Finding],
    ) -> list[Finding]:
        known = {(found.rule, found.target) for found in before}
        owners = {one.target: one.series for one in rendered}
        samples = [self._sample(one) for one in rendered] if inspections else []
        seen = [found for inspection in inspections for found in inspection(samples)]
        return [
            found
            for one in dict.fromkeys(seen)
            if (one.rule, one.target) not in known
            for found in with_reasons(letter, owners[one.target], [one])
        ]

    def _sample(self, one: Composed) -> Sample:
        mail = b"" if errors_of(one.findings) else _sample_mail(one.series, one.issue, one.revision)
        known = frozenset(found.name for found in one.findings + one.acknowledged)
        place, publication = one.issue.place, self.publication
        return Sample(one.target, place, one.revision, publication, one.blocks, one.media, mail, known)

    def _frozen(self, letter: Letter, series: Series, issue: Issue) -> tuple[Composition, tuple[Media, ...]]:
        composition = compose(letter, self.publication, series, issue)
        return with_frozen_images(composition, self.root, self.publication.public_url)


def _name_of(series: Series, issue: Issue) -> str:
    return f"{series.slug}/{issue.id}"


def _with_those_of(composed: Sequence[Composed], before: list[Finding]) -> list[Finding]:
    """Add what composing found; what a rule said before is not said again."""
    known = {(found.rule, found.target) for found in before}
    seen = [found for one in composed for found in one.findings + one.acknowledged]
    return before + [found for found in seen if (found.rule, found.target) not in known]


def _of_issues(wanted: Sequence[tuple[Series, Issue]], findings: list[Finding]) -> list[Finding]:
    """Keep what is said of these issues, or of their whole series."""
    names = {_name_of(*one) for one in wanted}
    return [one for one in findings if "/" not in one.target or one.target in names]


def refuse_unknown_providers(letter: Letter, providers: Sequence[str]) -> None:
    """Raise LetterError for a series that names a provider which the settings do not have."""
    for series in letter.series.values():
        if series.provider and series.provider not in providers:
            raise LetterError(
                f"there is no provider {series.provider!r} in newsletter.toml",
                place=series.provider_place,
                mend=offer(series.provider, providers)
                if providers
                else f"write it there as [providers.{series.provider}]; without the key it is [provider]",
            )


def _check_mail(series: Series, issue: Issue, revision: Revision) -> list[Finding]:
    """Check the bytes of a sample mail; what is found is the issue's, and remarks on its form are dropped."""
    found = check_bytes(_sample_mail(series, issue, revision))
    target = f"{series.slug}/{issue.id}"
    return [
        replace(one, target=target, place=issue.place) for one in found if one.severity is not Severity.INFO
    ]


def _sample_mail(series: Series, issue: Issue, revision: Revision) -> bytes:
    """Build the mail that somebody with a name in another script would get, to check its bytes."""
    message = message_of(
        revision, series=series.slug, series_title=series.title, issue=issue.id, kind="issue"
    )
    address = f"reader@{sender_domain(revision.sender)}"
    recipient = Recipient(
        pos=0,
        subscriber_id=0,
        message_id=f"<{revision.hash[:22]}@{sender_domain(revision.sender)}>",
        **{**VALUES, "address": address},
    )
    return b"".join(next(compile_mime(message)(_SAMPLE_DATE)([recipient])))
