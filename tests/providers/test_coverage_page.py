"""Every row of docs/providers/coverage.md names a test that is there and holds its signs, or says why not."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from newsletter.providers import provider_names

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs/providers/coverage.md").read_text(encoding="utf-8")
TITLES = {"ses": "Amazon SES", "smtp": "SMTP", "sparkpost": "SparkPost", "sendgrid": "SendGrid"}
TITLES |= {"mailersend": "MailerSend"}


def rows() -> list[tuple[str, str]]:
    cells = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return [(said, test) for said, test in cells if said != "it says"]


@cache
def functions_of(name: str) -> frozenset[str]:
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef))


@cache
def signs_of(name: str) -> frozenset[str]:
    """List what is written in a test file: texts, their words, names of arguments and whole numbers."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((HERE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
            found |= {str(node.value), *re.findall(r"[\w.#-]+", str(node.value))}
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
    return frozenset(map(plain, found))


def is_in(sign: str, signs: frozenset[str]) -> bool:
    return plain(sign) in signs or (" " in sign and any(plain(sign) in one for one in signs))


def plain(sign: str) -> str:
    # Names of headers are arguments in some tests.
    return sign.lower().replace("_", "-")


@pytest.mark.parametrize(("said", "test"), rows())
def test_a_row_names_a_test_that_holds_its_signs_or_says_why_not(said, test):
    file, _, name = test.partition("::")
    if not name:
        assert re.fullmatch(r"no test(?: of its own)?: .{20,}", test)
        return
    assert name in functions_of(file)
    assert name.startswith("test_")
    signs = re.findall(r"`([^`]+)`", said)
    assert [sign for sign in signs if not is_in(sign, signs_of(file))] == []


def test_every_provider_has_rows():
    headings = set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE)) - {"Any of them"}
    wanted = {TITLES.get(name, name.capitalize()) for name in provider_names() if name != "outbox"}
    assert headings == wanted
    for heading in headings:
        assert PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0].count("\n| ") > 4
