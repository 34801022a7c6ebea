"""Mails that are no issue: what they say, and to whom they may go."""

from dataclasses import replace

import pytest

from newsletter.domain.dress import Dress
from newsletter.domain.letter import Publication
from newsletter.domain.message import message_of
from newsletter.domain.notices import DOORS, LINK, Notice, mail_of, why_not
from newsletter.domain.pieces import Field, plain
from newsletter.domain.subscriber import Consent

LETTER = Publication("Back <Care> & Co", "https://news.example.org", "1 High Street\nExampletown", "en-GB")


def the_mail(notice=Notice.CONFIRM, title="Back pain, week by week"):
    return mail_of(notice, title, LETTER, "Back Care <weekly@news.example.org>", "")


@pytest.mark.parametrize("notice", Notice)
def test_a_notice_has_one_link_in_each_part_and_no_other_field(notice):
    mail = the_mail(notice)
    for pieces in (mail.html, mail.text):
        assert [piece for piece in pieces if isinstance(piece, Field)] == [LINK]
    assert not [piece for piece in mail.subject if isinstance(piece, Field)]
    assert "http" not in plain(mail.html) + plain(mail.text)


def test_the_subject_names_the_series():
    assert the_mail().subject_line == "Please confirm: Back pain, week by week"


def test_names_are_escaped_in_html_and_not_in_text():
    mail = the_mail(title="A & <b>")
    assert "A &amp; &lt;b&gt;" in plain(mail.html)
    assert "<b>" not in plain(mail.html)
    assert "“A & <b>”" in plain(mail.text)
    assert "Exampletown" in plain(mail.text)


def test_a_title_with_braces_is_only_a_title():
    assert "{0} {letter}" in plain(the_mail(title="{0} {letter}").html)


def test_a_notice_runs_the_way_of_the_language():
    arabic = mail_of(Notice.CONFIRM, "نشرة", replace(LETTER, language="ar"), "a@example.org", "")
    assert plain(arabic.html).count('lang="ar" dir="rtl"') == 2
    assert "text-align:right" in plain(arabic.html)
    assert "text-align:left" not in plain(arabic.html)
    assert plain(the_mail().html).count('lang="en-GB" dir="ltr"') == 2


def test_a_notice_is_dressed_as_the_theme_says():
    dress = Dress(light={**Dress().light, "accent": "#112233"}, dark={**Dress().dark, "accent": "#ddeeff"})
    html = plain(mail_of(Notice.WELCOME, "B", LETTER, "a@example.org", "", dress).html)
    assert "background:#112233" in html
    assert "#ddeeff!important" in html
    assert "#0b6b62" not in html


@pytest.mark.parametrize("notice", Notice)
def test_no_notice_is_a_mail_to_a_list(notice):
    message = message_of(the_mail(notice), series="back-pain", series_title="B", issue=notice, kind="notice")
    names = {name for name, _ in message.headers}
    assert names == {"Auto-Submitted", "Feedback-ID"}
    assert ("Auto-Submitted", ("auto-generated",)) in message.headers
    assert message.notice == notice


def test_a_confirmation_goes_to_who_is_still_to_confirm():
    assert why_not(Notice.CONFIRM, Consent.PENDING, has_left_since=False) is None
    assert why_not(Notice.CONFIRM, Consent.UNSUBSCRIBED, has_left_since=False) is None
    for state, has_left in ((Consent.PENDING, True), (Consent.ACTIVE, False), (None, False)):
        assert why_not(Notice.CONFIRM, state, has_left_since=has_left) == "nothing is left to confirm"


def test_who_has_left_is_not_told_that_they_get_it():
    assert why_not(Notice.ALREADY, Consent.ACTIVE, has_left_since=False) is None
    assert why_not(Notice.ALREADY, Consent.UNSUBSCRIBED, has_left_since=True) == "unsubscribed"
    assert why_not(Notice.ALREADY, None, has_left_since=False) == "no subscription"


def test_an_alert_needs_no_subscription():
    assert why_not("_alert", None, has_left_since=False) is None


def test_every_link_has_its_own_purpose_but_those_to_the_details():
    purposes = [DOORS[notice].purpose for notice in (Notice.CONFIRM, Notice.MOVE, Notice.DETAILS)]
    assert len(set(purposes)) == 3
    assert DOORS[Notice.ALREADY] == DOORS[Notice.DETAILS]
