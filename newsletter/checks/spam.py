"""What SpamAssassin says of a mail, where it is installed: offline, with no memory and nobody's settings.

Its score tells how the mail reads to that program, and predicts no provider's verdict.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.checks.page import Seen
from newsletter.checks.rules import Rule, error, info, warning
from newsletter.checks.sample import Sample
from newsletter.domain.finding import Finding
from newsletter.errors import Refused

PROGRAM = "spamassassin"
SOURCE = "spamassassin.apache.org; house rule"

HIGHEST = error(
    "spam-score-too-high",
    "SPAM-1",
    "SpamAssassin gives the mail 4.0 points or more, those that a mail on its way would not get left out",
    "from 5 points on many servers put a mail into the spam folder, and other filters count much the same",
    "reword or leave out what the named rules meet",
    SOURCE,
)
HIGH = warning(
    "spam-score-high",
    "SPAM-1",
    "SpamAssassin gives the mail 2.5 points or more",
    "from 5 points on many servers put a mail into the spam folder",
    "reword or leave out what the named rules meet",
    SOURCE,
)
NOTICED = info(
    "spam-score-noticeable",
    "SPAM-1",
    "SpamAssassin gives the mail 1.0 points or more",
    "a good mail has about none",
    "look whether what the named rules meet can be said otherwise",
    SOURCE,
)

_STEPS = ((4.0, HIGHEST), (2.5, HIGH), (1.0, NOTICED))
_PREFERENCES = "use_bayes 0\nuse_auto_welcomelist 0\nreport_safe 0\n"
#: What a mail that was never on its way gets, and every mail with HTML.
_UNCOUNTED = re.compile(r"NO_RECEIVED|NO_RELAYS|HTML_MESSAGE|RCVD_\w+")
_SEPARATOR = re.compile(r"^From sample-(\d+) .*$", re.MULTILINE)
_HIT = re.compile(r"^\s*(-?\d+\.\d+) ([A-Z][A-Z0-9_]+) +(.*(?:\n {20,}\S.*)*)", re.MULTILINE)
_DETAILS = "Content analysis details:"
_SECONDS_EACH = 20


@dataclass(frozen=True)
class InSpamFilter:
    """Ask SpamAssassin about every mail, in one run; `program` is where it is, or what it is called."""

    program: str = PROGRAM

    def __call__(self, samples: Sequence[Sample]) -> Iterator[Finding]:
        """Yield what is found; raises Refused where it is not installed or does not answer."""
        path = shutil.which(self.program)
        if path is None:
            mend = "apt-get install spamassassin, or check without it"
            raise Refused("SpamAssassin is not installed", mend=mend)
        built = [sample for sample in samples if sample.mail]
        if not built:
            return
        for sample, report in zip(built, _ask(path, built), strict=True):
            if seen := judge_report(report):
                yield sample.found(seen)


def judge_report(report: str) -> Seen | None:
    """Say what the points of a report come to, where that is worth saying."""
    table = report.rpartition(_DETAILS)[2]
    found = [(float(points), name, " ".join(about.split())) for points, name, about in _HIT.findall(table)]
    hits = [one for one in found if not _UNCOUNTED.fullmatch(one[1])]
    score = round(sum(points for points, _, _ in hits), 1)
    rule: Rule | None = next((rule for least, rule in _STEPS if score >= least), None)
    if rule is None:
        return None
    worst = sorted((one for one in hits if one[0] > 0), reverse=True)
    named = "; ".join(f"{name} {points} ({about})" for points, name, about in worst)
    return Seen(rule, f"SpamAssassin gives {score} points: {named}")


def _ask(path: str, samples: Sequence[Sample]) -> list[str]:
    mails = "".join(
        f"From sample-{at} Mon Jan  3 09:00:00 2000\n{_unix(one.mail)}\n" for at, one in enumerate(samples)
    )
    with TemporaryDirectory(prefix="newsletter-spam-") as home:
        preferences = Path(home, "preferences")
        preferences.write_text(_PREFERENCES, encoding="ascii")
        # -L asks no network; -t adds the points of each rule.
        command = [path, "-L", "-t", "--mbox", "--nocreate-prefs", "-p", str(preferences)]
        environment = {"HOME": home, "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        try:
            ran = subprocess.run(
                command,
                input=mails.encode("ascii", "replace"),
                capture_output=True,
                env=environment,
                timeout=_SECONDS_EACH * (1 + len(samples)),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _silent("it took too long") from None
        except OSError as error:
            raise _silent(str(error.strerror)) from None
    answer = ran.stdout.decode("utf-8", "replace")
    parts = _SEPARATOR.split(answer)
    # It may answer in another order than it was asked.
    reports = {int(at): report for at, report in zip(parts[1::2], parts[2::2], strict=True)}
    if ran.returncode != 0 or any(_DETAILS not in reports.get(at, "") for at in range(len(samples))):
        raise _silent(ran.stderr.decode("utf-8", "replace").strip().partition("\n")[0] or "no report came")
    return [reports[at] for at in range(len(samples))]


def _unix(mail: bytes) -> str:
    text = mail.decode("ascii", "replace").replace("\r\n", "\n")
    return re.sub(r"^From ", ">From ", text, flags=re.MULTILINE)


def _silent(reason: str) -> Refused:
    return Refused(f"SpamAssassin did not answer: {reason}", mend="check without it, and try it by hand")
