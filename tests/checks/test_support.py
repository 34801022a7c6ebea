"""A letter's own templates are held against what mail clients were seen to show, with the date."""

import json
from pathlib import Path

import pytest
from letter_cast import SERIES_FILE, rewrite, write_letter

from newsletter.checks.caniemail import features
from newsletter.checks.caniemail.condensing import condense
from newsletter.checks.support import LOST, SOMEWHERE, check_support
from newsletter.cli import run

EMAIL = Path(__file__).parents[2] / "templates" / "email"
SHIPPED = {path.name: path.read_text() for path in EMAIL.iterdir()}


def check(
    text: str, name: str = "head.css.j2", shipped: dict[str, str] | None = None
) -> list[tuple[str, int, str]]:
    found = check_support({name: text}, shipped or {}, "templates/email", "garden")
    return [(one.name, one.place.line, one.what.partition(" is ")[0]) for one in found]


def test_the_shipped_templates_use_nothing_that_a_family_of_clients_lacks():
    assert [one for one in check_support(SHIPPED, {}, "templates/email", "") if one.name == LOST.name] == []


def test_a_finding_names_the_line_the_clients_the_date_and_the_page():
    (found,) = check_support({"head.css.j2": "p {\n  inset: 0;\n}\n"}, {}, "templates/email", "garden")
    assert str(found.place) == "templates/email/head.css.j2:2"
    assert found.what == "inset is not shown by Gmail, Outlook (tested 2024-05-29)"
    assert found.source == "www.caniemail.com/features/css-inset"


def test_what_is_shown_in_part_says_how():
    (found,) = check_support({"a.css.j2": "p { text-transform: none }"}, {}, "templates/email", "garden")
    assert "shown in part by Outlook Windows: `lowercase` value is not supported." in found.what


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("head.css.j2", "{# one\ntwo #}\np { width: {{ theme.a }}; inset: 0 }", 3),
        ("head.css.j2", "/* a\nb { inset: 0 } */ p { inset: 0 }", 2),
        ("head.css.j2", "{% if a %}\np { inset: 0 !important }\n{% endif %}", 2),
        ("own.mjml.j2", '<p\n style="color:red;inset:0">Sow.</p>', 2),
        ("own.mjml.j2", "<mj-style>\np { inset: 0 }\n</mj-style>", 2),
    ],
)
def test_what_a_template_writes_is_found_at_its_line(name, text, line):
    assert (LOST.name, line, "inset") in check(text, name)


def test_a_value_of_the_theme_and_an_element_are_looked_at():
    assert check('[sizes]\ntext = "clamp(1px, 2px, 3px)"', "theme.toml") == [(LOST.name, 2, "clamp()")]
    assert check("<p>Sow.</p>\n<dialog>Sow.</dialog>", "own.mjml.j2") == [(LOST.name, 2, "<dialog> element")]


@pytest.mark.parametrize(
    "css",
    [
        "p { color: #000; color: oklch(0 0 0) }",
        "@media (min-width: 1px) { p { inset: 0 } }",
        "p { text-shadow: none }",
    ],
)
def test_what_has_a_fallback_or_decorates_is_a_remark(css):
    assert {name for name, _, _ in check(css)} == {SOMEWHERE.name}


def test_what_the_shipped_templates_use_as_well_is_no_remark():
    assert check("p { border-radius: 1px }", shipped=SHIPPED) == []
    assert check("p { inset: 0 }", shipped={"a.css.j2": "p { inset: 0 }"}) == [(LOST.name, 1, "inset")]


@pytest.mark.parametrize(
    "css", ["", "}}}", "{{{{", "p { inset", "@", "p { : ; }", "\0", "{% p { {#", "a:hover"]
)
def test_any_template_can_be_looked_at(css):
    for name in ("inline.css.j2", "own.mjml.j2", "theme.toml", "other.txt.j2"):
        check(css, name)


def test_a_letter_hears_of_its_own_template_and_may_let_it_stand(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(write_letter(tmp_path))
    assert run(["templates", "copy", "email/inline.css.j2"]) == 0
    own = tmp_path / "templates" / "email" / "inline.css.j2"
    capsys.readouterr()
    assert (run(["check"]), capsys.readouterr().out) == (0, "nothing found\n")
    own.write_text(own.read_text() + "p { inset: 0 }\n")
    assert run(["check"]) == 0
    line = own.read_text().count("\n")
    assert f"templates/email/inline.css.j2:{line}  warning  inset is not shown" in capsys.readouterr().out
    rewrite(tmp_path / SERIES_FILE, "[cadence]", 'acknowledge = { style-unsupported = "a test" }\n[cadence]')
    assert run(["check"]) == 0
    assert capsys.readouterr().out.endswith("1 acknowledged\n")


def test_the_data_can_be_condensed_anew():
    feature = {
        "slug": "css-gap",
        "title": "gap, column-gap, row-gap",
        "category": "css",
        "last_test_date": "2021-02-03",
        "stats": {
            "gmail": {"ios": {"2019-01": "y", "2020-01": "a #1"}},
            "outlook": {"windows": {"2019": "n"}},
        },
        "notes_by_num": {"1": "Partial."},
    }
    logo = {**feature, "slug": "bimi", "title": "BIMI", "category": "others"}
    made = condense({"last_update_date": "2026-05-13 14:45", "data": [feature, logo]}, "caniemail.com")
    assert list(made["features"]) == ["css-gap"]
    one = made["features"]["css-gap"]
    assert one["keys"] == ["property gap", "property column-gap", "property row-gap"]
    assert (one["support"], one["notes"]) == ("uuuauunuuuu", {"3": "Partial."})


def test_what_is_kept_has_its_date_its_notice_and_every_client():
    folder = Path(__file__).parents[2] / "newsletter" / "checks" / "caniemail"
    kept = json.loads((folder / "support.json").read_text())
    assert kept["updated"] >= "2026-05-13"
    assert all(len(one["support"]) == len(kept["clients"]) for one in kept["features"].values())
    assert "Permission is hereby granted" in (folder / "LICENSE").read_text()
    assert len(features()) > 200
