"""Every command: its help, its exit code, and what it prints."""

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest
from letter_cast import ARTICLE_FILE, SERIES_FILE, Office, rewrite
from typer.main import get_command

from newsletter.cli import app
from newsletter.domain.clock import PlayedClock

PROMISED = [
    "init",
    "import",
    "split",
    "preview",
    "check",
    "send-test",
    "queue",
    "cancel",
    "plan",
    "simulate",
    "run",
    "status",
    "pause",
    "resume",
    "doctor",
    "web",
    "subscribers/add",
    "subscribers/import",
    "subscribers/list",
    "subscribers/pause",
    "subscribers/resume",
    "subscribers/show",
    "subscribers/unsubscribe",
    "subscribers/forget",
    "subscribers/form",
    "subscribers/export",
    "report",
    "explain",
    "templates/list",
    "templates/copy",
    "provider/list",
    "provider/fake",
    "db/upgrade",
    "db/backup",
    "db/adopt",
    "db/move",
    "resolve",
]
LISTINGS = [
    "queue",
    "queue back-pain",
    "queue back-pain --dry-run",
    "plan",
    "simulate",
    "status",
    "subscribers list",
    "explain ada@example.org",
    "templates list",
    "provider list",
    "doctor",
]


@pytest.mark.parametrize("name", PROMISED)
def test_the_help_of_every_command_shows_an_example(terminal, name):
    said = terminal(*name.split("/"), "--help")
    assert said.code == 0
    assert f"Example: newsletter {name.replace('/', ' ')}" in said.out


def test_no_command_is_without_a_test_of_its_help():
    found = {
        f"{name}/{inner}" if inner else name
        for name, command in get_command(app).commands.items()
        for inner in getattr(command, "commands", [""])
    }
    assert found == set(PROMISED)


@pytest.mark.parametrize("listing", LISTINGS)
def test_every_listing_is_json_if_wanted(terminal, queued, listing):
    said = terminal(*listing.split(), "--json")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) is not None


def test_findings_are_json_if_wanted(terminal, letter):
    rewrite(letter / SERIES_FILE, 'subject = "Neck: small movements, gentle hands"', "")
    said = terminal("check", "--format", "json")
    assert said.code == 3
    assert any(found["severity"] == "error" for found in json.loads(said.out))


@pytest.mark.parametrize(
    "words", ["nope", "queue --nope", "queue back-pain --at tomorrow", "send-test", "plan --weeks 0"]
)
def test_wrong_usage_ends_with_2(terminal, words):
    said = terminal(*words.split())
    assert said.code == 2
    assert "Usage: newsletter" in said.err


@pytest.mark.parametrize(
    "words",
    [
        "run --dry-run",
        "run --once --play 2",
        "queue back-pain --swap",
        "queue --at 2027-01-05",
        "queue --swap",
    ],
)
def test_options_that_do_not_go_together_are_refused(terminal, words):
    terminal.refuses(*words.split())


def test_a_letter_without_a_fault_passes_the_check(terminal):
    said = terminal("check")
    assert (said.code, said.err) == (0, "")


def test_an_error_ends_the_check_with_3_and_blocks_queueing_with_1(terminal, letter):
    rewrite(letter / SERIES_FILE, 'subject = "Neck: small movements, gentle hands"', "")
    assert terminal("check").code == 3
    said = terminal("queue", "back-pain")
    assert said.code == 1
    assert "newsletter: 1 error blocks queueing" in said.err
    assert f"{SERIES_FILE}:" in said.out


def test_something_in_the_way_ends_a_checked_plan_with_3(terminal, letter, queued):
    assert terminal("plan", "--check").code == 0
    rewrite(letter / ARTICLE_FILE, "lightest touch", "gentlest touch")
    said = terminal("plan", "--check")
    assert said.code == 3
    assert "back-pain/neck: in the way: changed since approval" in said.out
    assert terminal("plan").code == 0


def test_an_overdue_slot_ends_a_checked_status_with_3(terminal, letter):
    assert terminal("status", "--check").code == 0
    rewrite(letter / SERIES_FILE, "starts = 2026-12-01", "starts = 2020-01-07")
    with closing(Office(letter, PlayedClock(datetime(2020, 1, 1, tzinfo=UTC)))) as office:
        office.queue("neck")
    said = terminal("status", "--check")
    assert said.code == 3
    assert "back-pain/neck: due" in said.out


def test_a_question_without_a_terminal_is_refused_and_yes_answers_it(terminal, queued):
    assert "Nobody is there to answer; add -y" in terminal.refuses("cancel", "back-pain/neck")
    assert len(queued.slots()) == 2
    assert terminal("-y", "cancel", "back-pain/neck").code == 0
    assert list(queued.slots()) == ["lower-back"]


def test_a_played_run_writes_the_mails_and_says_what_became_of_each_issue(terminal, letter, queued):
    said = terminal("run", "--play", "2")
    assert said.code == 0
    assert "outbox: nothing leaves this machine" in said.out
    assert said.out.count("settled  2 of 2 accepted") == 2
    assert len(list((letter / "outbox").rglob("*.eml"))) == 4
    assert "settled (rehearsal)" in terminal("queue").out


def test_a_pass_with_nothing_due_says_so(terminal, queued):
    assert "nothing is due" in terminal("run", "--once").out


def test_a_simulation_leaves_the_queue_as_it_was(terminal, queued):
    said = terminal("simulate", "--weeks", "104")
    assert "4 mails in 2 of 104 weeks, to 2 people" in said.out
    assert "no row was changed" in said.out
    assert len(queued.slots()) == 2


def test_a_pause_is_shown_and_ends(terminal, queued):
    assert "back-pain is paused" in terminal("pause", "back-pain").out
    assert "in the way: back-pain is paused" in terminal("plan").out
    assert "back-pain goes on" in terminal("resume", "back-pain").out
    assert "neither paused nor held" in terminal("resume", "back-pain").out


def test_an_edit_queued_again_shows_its_difference(terminal, letter, queued):
    rewrite(letter / ARTICLE_FILE, "lightest touch", "gentlest touch")
    said = terminal("queue", "back-pain/neck")
    assert "renewed" in said.out
    assert "gentlest touch" in said.out
    assert "unchanged" in terminal("queue", "back-pain/neck").out


def test_a_database_that_only_test_copies_were_sent_from_is_no_copy(terminal, letter, queued):
    assert terminal("send-test", "neck", "boss@example.com").code == 0
    moved = terminal("db", "move", "sqlite:///newsletter.db", "sqlite:///other.db", "--dry-run")
    assert (moved.code, moved.err) == (0, "")


def test_a_test_copy_is_written_and_not_counted(terminal, letter, queued):
    assert terminal("send-test", "neck", "boss@example.com").code == 0
    assert len(list((letter / "outbox").rglob("*boss@example.com.eml"))) == 1
    assert [
        row["recipients"] for row in json.loads(terminal("plan", "--weeks", "520", "--json").out)["slots"]
    ] == [
        2,
        2,
    ]


def test_a_test_copy_on_trial_says_to_whom(terminal, letter):
    assert "to 2 people" in terminal("send-test", "neck", "a@example.com", "b@example.com", "--dry-run").out
    assert not (letter / "outbox").exists()


def test_a_preview_is_printed_or_written(terminal, letter):
    assert "The neck asks for the lightest touch" in terminal("preview", "back-pain/neck", "--text").out
    assert terminal("preview", "--out", "seen").code == 0
    assert {path.suffix for path in (letter / "seen").iterdir()} >= {".html", ".txt", ".eml"}


def test_a_template_is_copied_once(terminal, letter):
    assert terminal("templates", "copy", "email/quote.mjml.j2").code == 0
    assert "this letter" in terminal("templates", "list").out
    assert "exists already" in terminal.refuses("templates", "copy", "email/quote.mjml.j2")


def test_a_backup_is_a_database_and_replaces_nothing_unasked(terminal, letter, queued):
    assert terminal("db", "backup", "backup.db").code == 0
    assert (letter / "backup.db").read_bytes().startswith(b"SQLite format 3")
    assert "Replace backup.db?" in terminal.refuses("db", "backup", "backup.db")
    assert terminal("-y", "db", "backup", "backup.db").code == 0


def test_an_upgrade_of_a_database_of_today_does_nothing(terminal, queued):
    assert "nothing to do" in terminal("db", "upgrade").out


def test_a_sample_is_started_and_nothing_is_overwritten(terminal, letter):
    said = terminal("init", "sample")
    assert said.code == 0
    assert "newsletter -C sample preview" in said.out
    assert terminal("-C", "sample", "check").code == 0


def test_a_second_start_in_the_same_folder_is_refused(terminal):
    terminal("init", "sample")
    assert "exists already" in terminal.refuses("init", "sample")


def test_people_are_added_once_and_listed(terminal):
    assert "1 added" in terminal("subscribers", "add", "ada@example.org", "--consent", "asked").out
    assert (
        "1 were subscribed already" in terminal("subscribers", "add", "ada@EXAMPLE.org", "--consent", "x").out
    )
    assert [row["address"] for row in json.loads(terminal("subscribers", "list", "--json").out)] == [
        "ada@example.org"
    ]


def test_a_text_becomes_an_article_and_a_series(terminal, letter):
    (letter / "pasted.txt").write_text(
        "A calmer week\n\nThis is how it begins, and it goes on for a while.\n\n"
        "The first thing\n\nThis stands under the first heading, with a full stop.\n"
    )
    assert terminal("import", "pasted.txt").code == 0
    assert terminal("split", "pasted").code == 0
    assert (letter / "content/series/pasted.toml").exists()
    assert "unchanged" in terminal("split", "pasted").out


def test_the_version_is_told(terminal):
    assert terminal("--version").out.startswith("newsletter ")


def test_help_loads_nothing_that_it_does_not_need():
    script = (
        "import sys; from newsletter.cli import run; run(['--help']);"
        "heavy = {'sqlalchemy', 'fastapi', 'httpx', 'jinja2', 'mjml', 'apscheduler', 'alembic', 'pydantic'};"
        "print(heavy & set(sys.modules), file=sys.stderr) if heavy & set(sys.modules) else None"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Schedule" in done.stdout


def test_a_day_that_is_none_is_refused_with_how_to_write_it(terminal, letter):
    said = terminal("queue", "neck", "--at", "2026-13-30")
    assert said.code == 2
    assert "'2026-13-30' is no day; write it as 2026-12-01" in said.err


def test_one_issue_is_cancelled_by_its_name(terminal, letter, queued):
    assert "Cancel back-pain/neck? " in terminal("cancel", "back-pain/neck").err
    assert "Cancel 2 issues of back-pain? " in terminal("cancel", "back-pain").err


def test_a_backup_into_a_folder_that_is_missing_names_it(terminal, letter, queued):
    said = terminal.refuses("db", "backup", "nowhere/copy.db")
    assert said == "cannot write nowhere/copy.db: there is no folder nowhere; choose another place"


def test_a_list_that_is_empty_for_a_slip_names_what_was_read_as_an_attribute(terminal, letter, queued):
    said = terminal("subscribers", "list", "--where", 'zon == "Europe/London" and joined > 2020-01-01')
    assert said.out.splitlines()[-2] == (
        "zon: read as an attribute; zone, locale and joined are known of everybody"
    )


def test_weeks_in_which_nothing_comes_due_say_so(terminal, letter):
    assert terminal("run", "--play", "2").out.splitlines() == [
        "outbox: nothing leaves this machine",
        "nothing comes due in 2 weeks; what is queued: newsletter plan",
    ]


def test_a_preview_is_not_written_into_a_file(terminal, letter):
    (letter / "notes").write_text("mine")
    assert terminal.refuses("preview", "--out", "notes") == (
        "notes cannot be written into: it is a file; name a folder"
    )
    assert (letter / "notes").read_text() == "mine"
