"""`check` says where, what, why and how to mend it, to people and to machines; a warning may stand."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from letter_cast import ARTICLE_FILE, SERIES_FILE, rewrite

from newsletter.domain.finding import Severity, open_of
from newsletter.writing import Writing

ROOT = Path(__file__).parents[2]
SUBJECT = 'subject = "Neck: small movements, gentle hands"'
LONG = f'subject = "Neck: {"small movements, " * 4}gentle hands"'
BROKEN = f'subject = "{"Neck, " * 30}"'
STAND = 'acknowledge = { subject-too-long = "the words are the point" }'


def git(folder: Path, *words: str) -> None:
    told = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C", str(folder), *words]
    subprocess.run(told, check=True, capture_output=True)


@pytest.fixture
def committed(letter: Path) -> Path:
    git(letter, "init", "-q", "-b", "main")
    git(letter, "add", ".")
    git(letter, "commit", "-q", "-m", "Begin")
    return letter


def test_a_finding_says_where_what_why_how_and_who_says_so(terminal, letter):
    rewrite(letter / SERIES_FILE, SUBJECT, LONG)
    said = terminal("check")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "back-pain/neck"
    assert lines[1].startswith(f"  {SERIES_FILE}:16  warning  the subject has 86 characters")
    assert lines[1].endswith("subject-too-long (SUB-2)")
    assert [line.split()[0] for line in lines[2:5]] == ["why", "mend", "source"]
    assert lines[-1] == "1 warning"


def test_findings_are_grouped_by_what_they_are_about_and_errors_come_first(terminal, letter):
    rewrite(letter / SERIES_FILE, SUBJECT, BROKEN)
    rewrite(letter / SERIES_FILE, 'time = "09:00"', 'time = "02:00"')
    rewrite(letter / ARTICLE_FILE, "a clear idea", "[a clear idea](http://example.org/)")
    rewrite(letter / ARTICLE_FILE, "The neck asks", "[Here](https://example.org/): the neck asks")
    said = terminal("check")
    assert said.code == 3
    heads = [line for line in said.out.splitlines() if line and not line.startswith(" ")]
    assert heads == ["back-pain", "back-pain/neck"]
    weights = [line.split()[1] for line in said.out.splitlines() if line.startswith("  content/")]
    assert weights == ["warning", "error", "error", "warning"]
    assert f"{ARTICLE_FILE}:9  error  a link leads to 'http://example.org/'" in said.out
    assert said.err == "newsletter: 2 errors, 2 warnings; mend and check again\n"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (SERIES_FILE, "[cadence]", f"{STAND}\n[cadence]"),
        (SERIES_FILE, LONG, f"{LONG}\n{STAND}"),
        (ARTICLE_FILE, "title:", "acknowledge:\n  subject-too-long: the words are the point\ntitle:"),
    ],
    ids=["in the series", "in the issue", "in the article"],
)
def test_an_acknowledged_warning_is_shown_with_its_reason_and_counted_apart(terminal, letter, file, old, new):
    rewrite(letter / SERIES_FILE, SUBJECT, LONG)
    rewrite(letter / file, old, new)
    said = terminal("check")
    assert said.code == 0
    assert (
        "acknowledged\n  back-pain/neck  the subject has 86 characters: the words are the point" in said.out
    )
    assert said.out.endswith("\n1 acknowledged\n")


@pytest.mark.parametrize("command", ["check", "queue back-pain"])
@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "subject-to-long",
            "there is no rule 'subject-to-long' to acknowledge; did you mean 'subject-too-long'",
        ),
        ("subject-missing", "subject-missing (SUB-1) is an error, and only warnings can be acknowledged"),
    ],
)
def test_what_cannot_be_acknowledged_is_one_sentence_with_its_line(terminal, letter, command, written, said):
    rewrite(letter / SERIES_FILE, "[cadence]", f'acknowledge = {{ {written} = "because" }}\n[cadence]')
    answer = terminal.refuses(*command.split())
    assert answer.startswith(f"{SERIES_FILE}:4: {said}")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (SERIES_FILE, "[cadence]", 'acknowledge = { html-large = " " }\n[cadence]', "a reason is empty"),
        (SERIES_FILE, "[cadence]", "acknowledge = { html-large = 1 }\n[cadence]", "must be a text in quotes"),
        (ARTICLE_FILE, "title:", "acknowledge: html-large\ntitle:", "'acknowledge' must name rules"),
        (ARTICLE_FILE, "title:", "acknowledge: {html-large: }\ntitle:", "'acknowledge' must name rules"),
        ("newsletter.toml", "name =", 'checks.vocabularies = ["helth"]\nname =', "did you mean 'health'"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(terminal, letter, file, old, new, said):
    rewrite(letter / file, old, new)
    assert said in terminal.refuses("check")


def test_acknowledging_changes_nothing_that_was_approved(terminal, letter):
    rewrite(letter / SERIES_FILE, SUBJECT, LONG)
    terminal("queue", "back-pain")
    rewrite(letter / SERIES_FILE, "[cadence]", f"{STAND}\n[cadence]")
    assert terminal("plan", "--check").code == 0


def test_the_health_vocabulary_is_looked_at_where_the_letter_says_so(terminal, letter):
    rewrite(letter / ARTICLE_FILE, "The neck asks", "Massage cures neck pain. The neck asks")
    assert terminal("check").code == 0
    rewrite(letter / "newsletter.toml", "name =", 'checks.vocabularies = ["health"]\nname =')
    said = terminal("check", "back-pain/neck")
    assert said.code == 3
    assert f"{ARTICLE_FILE}:9  error  it says 'cures neck pain'" in said.out


def test_another_format_is_refused(terminal, letter):
    assert terminal.refuses("check", "--format", "xml") == "there is no format 'xml'; use text, json or sarif"


def test_only_issues_whose_files_differ_are_checked(terminal, committed):
    rewrite(committed / SERIES_FILE, SUBJECT, LONG)
    assert "1 warning" in terminal("check", "--changed", "HEAD").out
    git(committed, "commit", "-qam", "Say more")
    assert terminal("check", "--changed", "HEAD").out == "nothing found\n"
    assert "1 warning" in terminal("check", "--changed", "HEAD~1").out
    assert terminal("check", "back-pain/lower-back", "--changed", "HEAD~1").out == "nothing found\n"


@pytest.mark.parametrize("file", [ARTICLE_FILE, "newsletter.toml", "templates/email/theme.toml"])
def test_an_article_the_settings_and_a_template_concern_the_issues_made_from_them(terminal, committed, file):
    rewrite(committed / SERIES_FILE, SUBJECT, LONG)
    git(committed, "commit", "-qam", "Say more")
    path = committed / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + "\n")
    assert "1 warning" in terminal("check", "--changed", "main").out


def test_another_article_concerns_no_issue(terminal, committed):
    rewrite(committed / SERIES_FILE, SUBJECT, LONG)
    git(committed, "commit", "-qam", "Say more")
    (committed / "content/articles/other.md").write_text("---\ntitle: Other\n---\n\nOther words.\n")
    assert terminal("check", "--changed", "main").out == "nothing found\n"


def test_without_git_there_is_one_clear_sentence(terminal, letter, monkeypatch):
    assert "is in no git repository, so nothing can be compared" in terminal.refuses(
        "check", "--changed", "main"
    )
    git(letter, "init", "-q")
    assert terminal.refuses("check", "--changed", "--all").startswith("git has no revision '--all'")
    monkeypatch.setenv("PATH", str(letter))
    assert terminal.refuses("check", "--changed", "main").startswith("git is not installed")


def test_the_sample_has_no_error_and_no_open_warning_and_is_checked_in_two_seconds():
    before = time.process_time()
    findings = Writing(ROOT, environment={}).composing.check()
    assert time.process_time() - before < 2
    assert {one.severity for one in open_of(findings)} <= {Severity.INFO}


def test_a_check_imports_no_database_no_web_and_no_terminal_drawing():
    # Together they took two thirds of the command's time.
    script = (
        "import sys; from newsletter.cli import run; code = run(['check']);"
        "slow = {'sqlalchemy', 'structlog', 'fastapi', 'httpx', 'apscheduler', 'alembic', 'rich', 'uvicorn'};"
        "print('|', code, sorted(slow & set(sys.modules)))"
    )
    told = [sys.executable, "-c", script]
    done = subprocess.run(told, check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "| 0 []", done.stderr
