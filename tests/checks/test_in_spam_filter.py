"""SpamAssassin is asked about every mail at once, without a network; or one sentence says why not."""

import shutil
from pathlib import Path

import pytest
from bad_spam_cast import DRUGS, LOW_CONTRAST, REPORT, filtered, reported
from checks_cast import MESSAGE
from letter_cast import write_letter

from newsletter.app import App
from newsletter.checks.spam import PROGRAM, InSpamFilter, judge_report
from newsletter.cli import run
from newsletter.errors import Refused

ROOT = Path(__file__).parents[2]
installed = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
BAD = MESSAGE.replace(
    b"Rake the bed level and firm it with the back of the rake.",
    b"Viagra, no prescription needed!! 100% money back guarantee.",
)


def program(folder: Path, script: str) -> InSpamFilter:
    path = folder / "spamassassin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return InSpamFilter(str(path))


def test_the_rules_are_named_worst_first_with_what_they_mean():
    (found,) = reported(LOW_CONTRAST, DRUGS)()
    assert found.what == (
        "SpamAssassin gives 2.5 points: DRUGS_ERECTILE 1.8 (Refers to an erectile drug); "
        "HTML_FONT_LOW_CONTRAST 0.7 (BODY: HTML font color similar or identical to background)"
    )


def test_a_table_that_the_mail_itself_holds_counts_nothing():
    assert judge_report(f" 9.9 VERY_BAD   of ours{REPORT.format(hits='')}") is None


@installed
def test_mails_are_told_apart_in_one_run_and_from_lines_in_them_are_text():
    good = MESSAGE.replace(b"Rake the bed", b"Sow.\r\n\r\nFrom here on rake the bed")
    found = list(InSpamFilter()([filtered(good), filtered(BAD), filtered(b"")]))
    assert [one.name.startswith("spam-score") for one in found] == [True]
    assert "NO_PRESCRIPTION" in found[0].what


@installed
def test_every_issue_of_the_sample_has_less_than_a_point():
    findings = App(ROOT, environment={}).composing.check(inspections=[InSpamFilter()])
    assert [one.what for one in findings if one.name.startswith("spam")] == []


def test_nobody_elses_settings_are_read_and_no_network_is_asked(tmp_path):
    spam = program(tmp_path, f'echo "$@" > {tmp_path}/asked; env >> {tmp_path}/asked; exit 1')
    with pytest.raises(Refused):
        list(spam([filtered()]))
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("-L -t --mbox --nocreate-prefs -p ")
    assert "HOME=/tmp" in asked or "newsletter-spam-" in asked
    assert "NEWSLETTER" not in asked


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 0", "no report came"),
        ("cat > /dev/null; echo 'cannot read rules' >&2; exit 2", "cannot read rules"),
        ("cat", "no report came"),
    ],
)
def test_a_filter_that_says_nothing_of_use_is_one_sentence(tmp_path, script, said):
    with pytest.raises(Refused, match=f"SpamAssassin did not answer: {said}; check without it"):
        list(program(tmp_path, script)([filtered()]))


def test_without_it_there_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(write_letter(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["check", "--spam"]) == 1
    said = capsys.readouterr().err
    assert (
        said
        == "newsletter: SpamAssassin is not installed; apt-get install spamassassin, or check without it\n"
    )
