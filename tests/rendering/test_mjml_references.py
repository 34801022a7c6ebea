"""What our compiler writes is what MJML's own implementation writes, to Outlook and to everybody else.

The references are stored; `make references` asks that implementation again.
"""

import difflib
import json
import sys
from pathlib import Path

import pytest
from mail_views import digest, modern, outlook
from mjml import mjml2html

REFERENCES = Path(__file__).parent / "references"
sys.path.append(str(REFERENCES))

from attribute_cases import DEVIATIONS, Case, cases  # noqa: E402
from skeletons import skeletons  # noqa: E402

from newsletter.rendering.attributes import NOT_COMPILED  # noqa: E402
from newsletter.rendering.deviations import in_line, mended  # noqa: E402
from newsletter.rendering.mjml import compile_mjml  # noqa: E402
from newsletter.rendering.structure import Marked  # noqa: E402
from newsletter.rendering.tokens import Late, restore  # noqa: E402

STORED = sorted(path.stem for path in REFERENCES.glob("*.mjml"))
DIGESTS = json.loads((REFERENCES / "attributes.json").read_text())
REFUSED = [case for case in cases() if case.attribute in NOT_COMPILED.get(case.element, {})]
OFFERED = [case for case in cases() if case not in REFUSED]


def compiled(mjml: str) -> str:
    return restore(compile_mjml(Marked(mjml, (), ())), Late())


def reference(name: str) -> str:
    return (REFERENCES / f"{name}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("view", [modern, outlook])
@pytest.mark.parametrize("name", STORED)
def test_our_templates_become_what_mjml_makes_of_them(name, view):
    ours = view(compile_mjml(Marked((REFERENCES / f"{name}.mjml").read_text(encoding="utf-8"), (), ())))
    difference = difflib.unified_diff(view(reference(name)), ours, "MJML", "ours", lineterm="", n=1)
    assert list(difference) == []
    assert len(ours) > 60


def test_the_stored_skeletons_are_those_that_the_templates_write_now():
    written = skeletons()
    changed = [
        name
        for name, mjml in written.items()
        if (REFERENCES / f"{name}.mjml").read_text(encoding="utf-8") != mjml
    ]
    assert sorted(written) == STORED
    assert changed == [], "the templates changed: run `make references`"


def test_the_views_differ_and_neither_is_empty():
    html = reference("every-kind")
    assert set(outlook(html)) - set(modern(html))
    assert set(modern(html)) - set(outlook(html))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("width:600px;", "width:560px;"),
        ('role="presentation"', ""),
        ("<!--[if mso | IE]></td></tr></table><![endif]-->", ""),
        ("font-size:17px", "font-size:16px"),
    ],
)
def test_a_difference_in_either_view_is_seen(old, new):
    html = reference("every-kind")
    assert old in html
    assert digest(html.replace(old, new, 1)) != digest(html)


@pytest.mark.parametrize("case", OFFERED, ids=lambda case: case.name)
def test_every_attribute_that_is_offered_becomes_what_mjml_makes_of_it(case: Case):
    assert digest(compiled(case.mjml)) == DIGESTS[case.name]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_no_attribute_is_refused_that_could_be_offered(case: Case):
    assert digest(mended(mjml2html(in_line(case.mjml), fonts={}))) != DIGESTS[case.name]


@pytest.mark.parametrize("name", DEVIATIONS)
def test_what_the_compiler_reads_otherwise_is_written_for_it(name):
    assert digest(compiled(DEVIATIONS[name])) == DIGESTS[name]
