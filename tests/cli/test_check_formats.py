"""What `check` tells machines: SARIF by its official schema, and JSON by the page that documents it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft4Validator
from letter_cast import ARTICLE_FILE, SERIES_FILE, rewrite

from newsletter.checks.registry import every_rule
from newsletter.cli.sarif import as_sarif
from newsletter.domain.finding import Finding, Severity
from newsletter.errors import Place

SCHEMA = json.loads((Path(__file__).parent / "sarif" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
PAGE = Path(__file__).parents[2] / "docs" / "ci.md"
SUBJECT = 'subject = "Neck: small movements, gentle hands"'
LONG = f'subject = "Neck: {"small movements, " * 4}gentle hands"'
STAND = 'acknowledge = { subject-too-long = "the words are the point" }'


def faults(log: object) -> list[str]:
    return [f"{list(fault.path)}: {fault.message}" for fault in Draft4Validator(SCHEMA).iter_errors(log)]


def found(place: Place, **said: str) -> Finding:
    rule = every_rule()["subject-too-long"]
    return rule.found(place, said.get("what", "the subject has 86 characters"), target="back-pain/neck")


@pytest.fixture
def faulty(letter: Path) -> Path:
    """A letter with an error, and a warning that may stand."""
    rewrite(letter / SERIES_FILE, SUBJECT, LONG)
    rewrite(letter / SERIES_FILE, "[cadence]", f"{STAND}\n[cadence]")
    rewrite(letter / ARTICLE_FILE, "a clear idea", "[a clear idea](http://example.org/)")
    return letter


def test_sarif_says_the_same_to_a_code_host(terminal, faulty):
    said = terminal("check", "--format", "sarif")
    assert said.code == 3
    log = json.loads(said.out)
    assert faults(log) == []
    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["link-not-secure", "subject-too-long"]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "warning"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    (link,) = (one for one in run["results"] if one["ruleId"] == "link-not-secure")
    assert link["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": ARTICLE_FILE},
                "region": {"startLine": 9},
            }
        }
    ]
    (long,) = (one for one in run["results"] if one["ruleId"] == "subject-too-long")
    assert long["suppressions"] == [{"kind": "inSource", "justification": "the words are the point"}]


def test_a_letter_without_a_fault_is_an_empty_run(terminal, letter):
    log = json.loads(terminal("check", "--format", "sarif").out)
    assert faults(log) == []
    assert log["runs"][0]["results"] == []


@pytest.mark.parametrize(
    ("place", "location"),
    [
        (Place("content/series/back-pain.toml"), {}),
        (Place("content/series/back-pain.toml", 16), {"startLine": 16}),
        (Place("templates/email/quote.mjml.j2", 3, 9), {"startLine": 3, "startColumn": 9}),
    ],
)
def test_a_place_is_as_exact_as_it_is_known(place, location):
    log = as_sarif([found(place)])
    assert faults(log) == []
    (shown,) = log["runs"][0]["results"][0]["locations"]
    assert shown["physicalLocation"].get("region", {}) == location


def test_every_rule_can_be_told():
    findings = [
        rule.found(Place("a file/mit Umläuten.md", 1), 'it says "ü" & <b>') for rule in every_rule().values()
    ]
    log = as_sarif(findings)
    assert faults(log) == []
    assert len(log["runs"][0]["tool"]["driver"]["rules"]) == len(every_rule())
    uri = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20file/mit%20Uml%C3%A4uten.md"


def test_the_schema_would_see_a_fault():
    log = as_sarif([found(Place("a.md", 1))])
    log["runs"][0]["results"][0]["level"] = "info"
    assert len(faults(log)) == 1


def test_a_letter_in_a_folder_of_its_repository_is_found_there(terminal, faulty):
    subprocess.run(["git", "-C", str(faulty), "init", "-q"], check=True)
    shutil.copytree(faulty / "content", faulty / "weekly" / "content")
    shutil.copy(faulty / "newsletter.toml", faulty / "weekly")
    log = json.loads(terminal("-C", "weekly", "check", "--format", "sarif").out)
    places = [result["locations"][0]["physicalLocation"] for result in log["runs"][0]["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {
        f"weekly/{ARTICLE_FILE}",
        f"weekly/{SERIES_FILE}",
    }


def test_json_has_every_key_that_the_page_promises(terminal, faulty):
    said = terminal("check", "--format", "json")
    assert said.code == 3
    findings = json.loads(said.out)
    promised = re.findall(r"^\| `([a-z.]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(promised) >= 11
    for finding in findings:
        for key in promised:
            outer, _, inner = key.partition(".")
            assert (inner in finding[outer]) if inner else (outer in finding), key
    assert {finding["severity"] for finding in findings} <= {one.value for one in Severity}
    (link,) = (one for one in findings if one["rule"].startswith("link-not-secure"))
    assert link["place"] == {"file": ARTICLE_FILE, "line": 9, "column": 0}
    assert (link["severity"], link["target"], link["acknowledged"]) == ("error", "back-pain/neck", "")


def test_json_of_a_letter_without_a_fault_is_an_empty_list(terminal, letter):
    assert json.loads(terminal("check", "--format", "json").out) == []
