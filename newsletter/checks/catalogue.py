"""Write `docs/checks.md`, after a change: `python -m newsletter.checks.catalogue > docs/checks.md`."""

import sys
from collections.abc import Iterator
from inspect import cleandoc

from newsletter.checks.registry import CHAPTERS, rules_of
from newsletter.checks.rules import Rule

_HEAD = """
    # What `check` looks for

    `newsletter check` reads the files of a letter, renders each issue, builds the mail that somebody
    would get, and looks at all three. It needs no network and no browser, unless you ask for more.

        newsletter check                            # everything
        newsletter check back-pain/neck             # one issue
        newsletter check --changed origin/main      # only issues whose files differ from a revision of git
        newsletter check --format json
        newsletter check --format sarif             # for a code host that shows findings beside the lines
        newsletter check --browser                  # look at every issue in Chromium, too
        newsletter check --screenshots shots        # the same, and keep what it looks like
        newsletter check --links                    # ask every link whether it answers
        newsletter check --spam                     # ask SpamAssassin about every mail

    | weight | what it means |
    |---|---|
    | error | blocks `queue`, and ends `check` with exit code 3 |
    | warning | blocks nothing; mend it, or acknowledge it with a reason |
    | info | worth knowing |

    `--changed` compares the files as they are now with the revision: a series file concerns all of its
    issues, an article and a picture the issues that use them, `newsletter.toml` and `templates/` every
    issue.

    ## Look in a browser

    `--browser` needs Chromium (the system's, or Playwright's own) and the extra
    `pip install 'newsletter-series[browser]'`. It draws each issue offline and looks at the contrast of
    every text in four models: the light style, the mail's own dark style, colours that a client turns dark
    by itself, and pictures off. It looks whether the mail fits screens of 320 and 360 pixels, whether a
    finger can meet each link, and asks axe-core. It says nothing of Outlook or Gmail themselves: no browser
    draws as they do.

    ## Ask where links lead

    `--links` asks each address once, four hosts at a time and one question a second to each, with HEAD and
    then GET, and tries again twice where a server is busy. Where a link names a place in a page (`#name`), it
    reads the page, up to 1 MB, and looks for the place. It says who asks, sends no credentials, and
    connects to no address of a private network, nor to one that a redirect leads to. It asks nothing that
    is made for one reader, such as the address to unsubscribe.

    ## Ask a spam filter

    `--spam` needs SpamAssassin (`apt-get install spamassassin`) and runs it without a network, without a
    memory and without anybody's settings. A score from 1.0 is a remark, from 2.5 a warning, from 4.0 an
    error. It tells how a mail reads to that program; Gmail and Outlook decide by other things.

    ## Your own templates

    Where a letter has templates or a theme of its own, what they write is held against the tests of
    caniemail.com (as of May 2026, under the MIT License). Many of those tests are some years old, so each
    finding shows the date. What no client of Apple Mail, Gmail or Outlook shows and nothing stands in for
    is a warning; the rest are remarks.

    ## Let a warning stand

    An acknowledgement names the rule and says why. In an article's front matter it holds for every issue
    that uses a section of the article:

    ```yaml
    acknowledge:
      link-text-vague: the button repeats what the paragraph before it says
    ```

    In a series file it holds for all issues, or inside `[[issue]]` for that one:

    ```toml
    acknowledge = { subject-too-long = "the full name of the study is the point" }
    ```

    `check` goes on to show it, at the end, with its reason. An error cannot be acknowledged.
    Acknowledging changes no content, so what was approved stays approved.

    ## The rules

    Each is known by its name; the id in brackets is that of the list it comes from. *House rule* says
    that no authority gives it: the number is ours. Sources were read in November 2026. The health wording
    is looked at where `newsletter.toml` says `vocabularies = ["health"]`; it is a check of wording, not
    legal advice.
"""


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield from cleandoc(_HEAD).splitlines()
    for title, modules in CHAPTERS:
        yield from ("", f"### {title}", "")
        yield "| rule | weight | it is broken when | why | mend | source |"
        yield "|---|---|---|---|---|---|"
        yield from (_row(rule) for rule in rules_of(*modules) if rule.name in _own(title))


def _own(title: str) -> set[str]:
    """Name the rules of a chapter that no earlier one has."""
    earlier: set[str] = set()
    for other, modules in CHAPTERS:
        names = {rule.name for rule in rules_of(*modules)}
        if other == title:
            return names - earlier
        earlier |= names
    return set()


def _row(rule: Rule) -> str:
    name = f"`{rule.name}`" + (f" ({rule.id})" if rule.id else "")
    cells = (name, rule.severity.value, rule.condition, rule.why, rule.mend, rule.source)
    return "| " + " | ".join(_cell(text) for text in cells) + " |"


def _cell(text: str) -> str:
    # What looks like a tag outside of backticks would be one.
    parts = text.replace("|", "\\|").split("`")
    parts[::2] = [part.replace("<", "&lt;").replace("{", "&#123;") for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    sys.stdout.write("\n".join(page()) + "\n")
