"""Which files of a letter differ from a revision of git, and which issues are made from them."""

import subprocess
from collections.abc import Collection
from pathlib import Path

from newsletter.content.images import FOLDER
from newsletter.domain.blocks import Image, walk
from newsletter.domain.letter import Letter
from newsletter.domain.series import Issue, Series
from newsletter.errors import Refused

#: What every issue is made from.
_COMMON = ("newsletter.toml", "templates/")
_PATIENCE = 60


def changed_files(root: Path, since: str) -> frozenset[str]:
    """List the files under a folder that differ from a revision, new ones included, by their path in it.

    Raises Refused without git, outside of a repository, and for a revision that it does not have.
    """
    mend = "leave --changed out to check everything"
    if _git(root, "rev-parse", "--is-inside-work-tree") is None:
        raise Refused(f"{root} is in no git repository, so nothing can be compared", mend=mend)
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}")
    if commit is None:
        raise Refused(
            f"git has no revision {since!r}", mend="name a commit, a branch or a tag; in CI, fetch it first"
        )
    differ = _git(root, "diff", "--name-only", "--relative", "-z", commit.strip(), "--", ".")
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    return frozenset(f"{differ or ''}{new or ''}".split("\0")) - {""}


def place_in_repository(root: Path) -> str:
    """Return the path of a folder in its git repository, with a slash behind it; "" at the top or in none."""
    try:
        return (_git(root, "rev-parse", "--show-prefix") or "").strip("\n")
    except Refused:
        return ""


def is_affected(letter: Letter, series: Series, issue: Issue, changed: Collection[str]) -> bool:
    """Tell whether an issue is made from a file that has changed."""
    if any(path.startswith(_COMMON) for path in changed):
        return True
    return not made_from(letter, series, issue).isdisjoint(changed)


def made_from(letter: Letter, series: Series, issue: Issue) -> frozenset[str]:
    """List the files of its own that an issue is made from: its series, its articles, its pictures."""
    articles = [letter.articles[ref.article] for ref in issue.sections if ref.article in letter.articles]
    sections = [section for ref in issue.sections if (section := letter.section(ref)) is not None]
    blocks = [block for section in sections for block in walk(section.as_blocks())]
    pictures = [(FOLDER.parent / block.src).as_posix() for block in blocks if isinstance(block, Image)]
    return frozenset([series.place.file, *(article.place.file for article in articles), *pictures])


def _git(root: Path, *words: str) -> str | None:
    """Ask git; None where it says no."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError as cause:
        mend = "install git, or leave --changed out to check everything"
        raise Refused("git is not installed, so nothing can be compared", mend=mend) from cause
    except subprocess.TimeoutExpired as cause:
        raise Refused(f"git gave no answer in {_PATIENCE} s", mend="leave --changed out") from cause
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
