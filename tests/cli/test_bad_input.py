"""Bad input: one sentence that says where, what and how to mend it; nothing is changed."""

import re
import sqlite3

import pytest
from letter_cast import ARTICLE_FILE, SERIES_FILE, rewrite


def test_broken_front_matter_is_named_with_its_line(terminal, letter):
    rewrite(letter / ARTICLE_FILE, "title: A kinder week for your back", "title: [a")
    assert terminal.refuses("check").startswith(f"{ARTICLE_FILE}:3: the front matter is broken")


@pytest.mark.parametrize("command", ["queue back-pain", "check", "plan", "preview --text"])
def test_an_unknown_key_of_a_series_offers_the_nearest(terminal, letter, command):
    rewrite(letter / SERIES_FILE, "from =", "form =")
    said = terminal.refuses(*command.split())
    assert said.startswith(f"{SERIES_FILE}:2: unknown key 'form'")
    assert "did you mean 'from'" in said


def test_an_unknown_key_of_the_settings_offers_the_nearest(terminal, letter):
    rewrite(letter / "newsletter.toml", "public_url", "publik_url")
    said = terminal.refuses("status")
    assert said.startswith("newsletter.toml:2: unknown key 'publik_url'")
    assert "'public_url'" in said


def test_a_file_that_is_no_toml_is_named_with_its_line(terminal, letter):
    with (letter / "newsletter.toml").open("a") as file:
        file.write("language = = 3\n")
    assert terminal.refuses("status").startswith("newsletter.toml:4: this is not TOML")


def test_an_unknown_variable_offers_the_nearest(terminal, monkeypatch):
    monkeypatch.setenv("NEWSLETTER_PUBLICURL", "https://example.org")
    assert terminal.refuses("plan").startswith(
        "unknown variable NEWSLETTER_PUBLICURL; did you mean 'NEWSLETTER_PUBLIC_URL'"
    )


def test_a_variable_that_cannot_be_used_is_named(terminal, monkeypatch):
    monkeypatch.setenv("NEWSLETTER_WEB__PORT", "eighty")
    assert terminal.refuses("plan").startswith("the variable NEWSLETTER_WEB__PORT cannot be used")


def test_a_section_id_that_is_there_twice_is_named_with_both_lines(terminal, letter):
    with (letter / ARTICLE_FILE).open("a") as file:
        file.write("\n## The neck again {#neck}\n\nOnce more.\n")
    said = terminal.refuses("queue", "back-pain")
    assert said.startswith(f"{ARTICLE_FILE}:11: two sections have the id 'neck', at lines 7 and 11")


def test_a_section_that_does_not_exist_offers_the_nearest(terminal, letter):
    rewrite(letter / SERIES_FILE, "back#neck", "back#nekc")
    said = terminal.refuses("queue", "back-pain")
    assert re.match(rf"{SERIES_FILE}:\d+: issue 'neck' uses the section 'back#nekc'", said)
    assert "did you mean 'back#neck'" in said


def test_a_section_that_does_not_exist_is_a_finding_of_a_check(terminal, letter):
    rewrite(letter / SERIES_FILE, "back#neck", "back#nekc")
    said = terminal("check")
    assert said.code == 3
    assert "section-unknown" in said.out


def test_an_unknown_zone_offers_the_nearest(terminal, letter):
    rewrite(letter / SERIES_FILE, "Europe/London", "Europe/Lodnon")
    said = terminal.refuses("queue", "back-pain")
    assert said.startswith(f"{SERIES_FILE}:7: there is no time zone 'Europe/Lodnon'")
    assert "'Europe/London'" in said


def test_an_error_in_a_template_of_the_letter_is_named_with_its_line(terminal, letter):
    terminal("templates", "copy", "email/paragraph.mjml.j2")
    (letter / "templates/email/paragraph.mjml.j2").write_text("<mj-text>\n{% if x }\n")
    said = terminal.refuses("queue", "back-pain")
    assert said.startswith("templates/email/paragraph.mjml.j2:2: ")


def test_a_missing_key_is_named_and_never_shown(terminal, letter):
    with (letter / "newsletter.toml").open("a") as file:
        file.write('[provider]\nname = "resend"\n')
    assert terminal.refuses("run", "--once").startswith("RESEND_API_KEY is not set; put")


@pytest.mark.parametrize("command", ["plan", "status", "queue", "queue back-pain --dry-run"])
def test_who_looks_needs_no_key(terminal, letter, command):
    with (letter / "newsletter.toml").open("a") as file:
        file.write('[provider]\nname = "resend"\n')
    said = terminal(*command.split())
    assert (said.code, said.err) == (0, "")
    assert "nothing leaves this machine" not in said.out


def test_a_provider_that_does_not_exist_offers_the_nearest(terminal, letter):
    with (letter / "newsletter.toml").open("a") as file:
        file.write('[provider]\nname = "resent"\n')
    assert "did you mean 'resend'" in terminal.refuses("run", "--once")


def test_a_folder_that_cannot_be_written_is_named(terminal, letter):
    (letter / "pictures").write_text("a file where a folder is expected")
    assert "cannot be written" in terminal.refuses("preview", "--out", "pictures")
    assert "cannot" in terminal.refuses("db", "backup", "pictures/backup.db")


def test_keys_that_cannot_be_kept_are_named(terminal, letter, queued):
    queued.close()
    (letter / ".newsletter").write_text("a file where a folder is expected")
    assert "the keys that sign links cannot be kept" in terminal.refuses("run", "--once")


def test_an_article_is_not_imported_where_it_cannot_be_written(terminal, letter):
    (letter / "pasted.txt").write_text("A title\n\nSome text that stands under it, with a full stop.\n")
    (letter / "content/articles/pasted.md").mkdir()
    assert "pasted.md" in terminal.refuses("import", "pasted.txt")


def test_a_database_of_a_newer_version_is_left_alone(terminal, letter):
    terminal("status")
    with sqlite3.connect(letter / "newsletter.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for command in (["status"], ["queue", "back-pain"], ["run", "--once"], ["db", "upgrade"]):
        assert "newer newsletter (schema 9999" in terminal.refuses(*command)


def test_a_file_that_is_no_database_is_named(terminal, letter):
    (letter / "newsletter.db").write_text("this is not a database, and it is long enough to tell")
    assert "file is not a database; check [database] url" in terminal.refuses("status")


@pytest.mark.parametrize("command", ["queue back-pian", "preview back-pian --text", "check back-pian"])
def test_an_unknown_target_offers_the_nearest(terminal, command):
    assert "'back-pian'; did you mean 'back-pain'" in terminal.refuses(*command.split())


@pytest.mark.parametrize("command", ["cancel back-pain/nape", "pause back-pian", "resume back-pain/nape"])
def test_a_target_that_the_queue_does_not_know_is_refused(terminal, queued, command):
    terminal.refuses(*command.split())
    assert len(queued.slots()) == 2


def test_a_folder_without_a_letter_says_how_to_begin(terminal, letter):
    (letter / "newsletter.toml").unlink()
    assert "newsletter init DIR" in terminal.refuses("status")


def test_a_folder_that_is_not_there_is_named(terminal):
    assert terminal.refuses("-C", "nowhere", "status") == "cannot go to nowhere: No such file or directory"


def test_people_without_a_word_about_their_consent_are_refused(terminal):
    assert "--consent" in terminal.refuses("subscribers", "add", "ada@example.org")


def test_a_file_of_people_without_addresses_is_refused(terminal, letter):
    (letter / "people.csv").write_text("who,name\nada@example.org,Ada\n")
    said = terminal.refuses("subscribers", "import", "people.csv", "--consent", "asked")
    assert said.startswith("people.csv: the first line does not name a column 'address'")


def test_rows_that_cannot_be_used_are_named_and_the_others_added(terminal, letter):
    (letter / "people.csv").write_text(
        "address,zone\nada@example.org,Europe/Lodnon\nben\ncleo@example.org,\n"
    )
    said = terminal("subscribers", "import", "people.csv", "--consent", "asked")
    assert "line 2: there is no zone 'Europe/Lodnon'" in said.out
    assert "line 3: 'ben' is no address" in said.out
    assert "1 added from people.csv, 2 refused" in said.out


def test_a_file_in_which_nobody_can_be_used_ends_with_1(terminal, letter):
    (letter / "people.csv").write_text("address\nada\nben\n")
    said = terminal("subscribers", "import", "people.csv", "--consent", "asked")
    assert said.code == 1
    assert said.err.startswith("newsletter: nobody in the file could be added")


def test_a_backup_that_cannot_take_its_place_leaves_nothing_behind(terminal, letter, queued):
    (letter / "backup.db").mkdir()
    assert "cannot write backup.db" in terminal.refuses("-y", "db", "backup", "backup.db")
    assert not (letter / ".backup.db.part").exists()
