"""A letter's files, each time with one fault: `check` finds it by its rule, and no other error."""

from dataclasses import replace
from pathlib import Path

import pytest
from checks_cast import FIRST
from letter_cast import ARTICLE_FILE, SERIES_FILE, rewrite, write_letter

from newsletter.app import App, shipped
from newsletter.domain.finding import errors_of
from newsletter.rendering.renderer import Renderer

SENTENCE = "The neck asks for the lightest touch of all"
SUBJECT = 'subject = "Neck: small movements, gentle hands"'
PREHEADER = 'preheader = "The neck asks for the lightest touch of all, and for a clear head."'
TEMPLATES = "templates/email"
A = "https://example.org/"
#: Kept from one letter to the next, for it is slow to make.
SHIPPED = Renderer(None, shipped() / TEMPLATES)


def says(text: str) -> tuple[str, str, str]:
    """Write something into the article, in a paragraph of its own."""
    return ARTICLE_FILE, SENTENCE, f"{text}\n\n{SENTENCE}"


def links(url: str, text: str = "see how it is done") -> tuple[str, str, str]:
    return says(f"Before you begin, [{text}]({url}) with care.")


def template(name: str, old: str, new: str) -> tuple[str, str, str]:
    return f"{TEMPLATES}/{name}", old, new


def css(rule: str) -> tuple[str, str, str]:
    return template("inline.css.j2", "/* Blocks. */", f"/* Blocks. */\n{rule}")


def head(rule: str) -> tuple[str, str, str]:
    return template("head.css.j2", ":root {", f"{rule}\n:root {{")


def raw(html: str) -> tuple[str, str, str]:
    return template("footer.mjml.j2", "<mj-text", f"<mj-text>{html}</mj-text><mj-text")


BAD: list[tuple[str, tuple[str, str, str]]] = [
    ("section-unknown", (SERIES_FILE, '"back#neck"', '"back#neck", "back#nek"')),
    ("subject-missing", (SERIES_FILE, SUBJECT, 'subject = " "')),
    ("preheader-missing", (SERIES_FILE, PREHEADER, 'preheader = ""')),
    ("subject-far-too-long", (SERIES_FILE, SUBJECT, f'subject = "{"Neck, " * 30}"')),
    ("subject-looks-like-a-reply", (SERIES_FILE, 'subject = "Neck:', 'subject = "Re: Neck:')),
    ("section-unplaced", (ARTICLE_FILE, "## Neck", "## Knee {#knee}\n\nIt bends.\n\n## Neck")),
    ("placeholder-unresolved", says("TODO: ask a physiotherapist.")),
    ("placeholder-unresolved", says("Hello {{ first_name }}, and welcome.")),
    ("link-leads-nowhere", links("https://localhost/")),
    ("link-leads-nowhere", links("https://10.0.0.1/rows")),
    ("link-leads-nowhere", links("/rows")),
    ("link-not-secure", links("http://example.org/rows")),
    ("link-text-misleads", links("https://example.org/rows", "www.bank.example")),
    ("link-shortened", links("https://bit.ly/3x")),
    ("link-without-text", says('<p>Before you begin <a href="https://example.org/rows"></a> rest.</p>')),
    ("address-link-malformed", links("mailto:ada")),
    ("jump-without-target", links("#knee")),
    ("campaign-tag-personal", links("https://example.org/?utm_term=ada@example.org")),
    ("table-heads-without-scope", says("<table><tr><th>Day</th></tr><tr><td>One</td></tr></table>")),
    ("layout-table-unmarked", says("<table><tr><td>One</td></tr></table>")),
    ("claim-of-cure", says("Massage cures back pain.")),
    ("claim-of-guarantee", says("Guaranteed relief awaits you.")),
    ("claim-of-permanence", says("You will be pain-free in 7 days.")),
    ("claim-of-miracle", says("A miracle for your shoulders.")),
    ("claim-of-proof", says("It is clinically proven.")),
    ("claim-of-safety", says("It is completely safe.")),
    ("claim-against-care", says("Skip the doctor this week.")),
    ("html-too-large", says("\n\n".join(["A slow walk on each day of the week."] * 1_000))),
    ("postal-address-missing", ("newsletter.toml", "1 High Street, Exampletown", "")),
    ("postal-address-missing", template("footer.mjml.j2", "publication.postal_address", "publication.name")),
    ("from-not-usable", (SERIES_FILE, "weekly@news.example.org", "weekly@gmail.com")),
    ("unsubscribe-link-missing", template("footer.mjml.j2", "fields.unsubscribe_url", "fields.view_url")),
    ("unsubscribe-link-missing", template("layout.txt.j2", "fields.unsubscribe_url", "fields.view_url")),
    ("text-too-small", css("p { font-size: 11px; }")),
    ("contrast-too-low", css("p { color: #999999; }")),
    ("text-gone-in-the-dark", css("p { color: #3333ff; }")),
    ("background-without-colour", css("td.remark, p { background-image: url(https://example.org/a.png); }")),
    ("font-without-fallback", css("p { font-family: Fancy; }")),
    ("style-poisons-others", head("p { border-color: rgb(0 128 0); }")),
    ("style-poisons-others", head("@import 'a.css';")),
    ("style-sheet-too-large", head("p { color: #000000; }\n" * 900)),
    ("image-not-secure", raw('<p><img src="http://example.org/a.png" alt="Rows of beans" width="9" /></p>')),
    ("image-too-wide", raw('<p><img src="https://example.org/a.png" alt="Rows of beans" width="900" /></p>')),
    ("image-format-unsupported", raw('<p><img src="https://example.org/a.svg" alt="Rows" width="9" /></p>')),
    ("image-link-without-alt", raw(f'<a href="{A}"><img src="{A}a.png" alt="" width="9" /></a>')),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "fault"), BAD, ids=[f"{rule}-{at}" for at, (rule, _) in enumerate(BAD)])
def test_a_fault_in_the_files_is_found_by_its_rule_and_no_other_error(tmp_path: Path, rule: str, fault):
    file, old, new = fault
    write_letter(tmp_path)
    # Enough words for a picture beside them.
    rewrite(tmp_path / ARTICLE_FILE, "## Neck", f"{FIRST}\n\n## Neck")
    with (tmp_path / ARTICLE_FILE).open("a") as article:
        article.write(f"\n{FIRST}\n")
    rewrite(tmp_path / "newsletter.toml", "name =", 'checks.vocabularies = ["health"]\nname =')
    is_template = file.startswith(TEMPLATES)
    if is_template:
        (tmp_path / TEMPLATES).mkdir(parents=True)
        (tmp_path / file).write_text((shipped() / file).read_text())
    rewrite(tmp_path / file, old, new)
    composing = App(tmp_path, environment={}).composing
    found = (composing if is_template else replace(composing, renderer=SHIPPED)).check()
    assert {one.name for one in errors_of(found)} == {rule}
