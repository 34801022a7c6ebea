"""The quick way of writing many values at once writes what the slow one writes, one by one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from provider_cast import a_recipient

from newsletter.domain.pieces import Field
from newsletter.providers import (
    brevo_form,
    mailgun_form,
    mandrill_form,
    ses_template,
    sparkpost_form,
)
from newsletter.providers.braces import column_of
from newsletter.providers.encoding import header_value, json_line, json_text

ENCODERS = {
    "brevo html": brevo_form._html_value,
    "brevo text": brevo_form._text_value,
    "mailersend header": lambda value: json_text(header_value(value).decode()),
    "mandrill html": mandrill_form._html_value,
    "mandrill text": mandrill_form._text_value,
    "mandrill header": json_line,
    "ses html": ses_template.HTML.value,
    "ses text": ses_template.TEXT.value,
    "ses header": ses_template._header_value,
    "sparkpost html": sparkpost_form.HTML.value,
    "sparkpost text": sparkpost_form.TEXT.value,
    "sparkpost header": sparkpost_form.HEADER.value,
}
MAILGUN = {
    "html": mailgun_form._html_value,
    "text": mailgun_form._text_value,
    "header": mailgun_form._header_value,
    "subject": mailgun_form._subject_value,
}
#: Signs and words that mean something to some service.
WORDS = st.sampled_from(
    ["ann@example.org", "%recipient", "recipient", ".x%", "unsubscribe", "n" * 901, *'{}|*%[]aü<&"\\$ \n']
)
VALUES = st.lists(st.lists(WORDS, max_size=4).map("".join), min_size=1, max_size=5)
PLAIN = ["ann@example.org", "bob+1@example.org"]


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@given(VALUES)
@example(PLAIN)
@example([*PLAIN, "{"])
@example([*PLAIN, "}"])
@example([*PLAIN, "|"])
@example([*PLAIN, "*"])
@example([*PLAIN, "\U0001f600"])
def test_a_column_of_braces_is_what_each_value_is(encode, values):
    people = [a_recipient(pos, value) for pos, value in enumerate(values)]
    column = column_of((Field("name"),), encode)
    assert column.encode_each(people) == [encode(value) for value in values]


@pytest.mark.parametrize("encode", MAILGUN.values(), ids=MAILGUN)
@given(VALUES)
@example(PLAIN)
@example([*PLAIN, "%recipient.x%"])
@example([*PLAIN, "recipient.x"])
@example([*PLAIN, "unsubscribe_url%"])
def test_a_column_of_mailgun_is_what_each_value_is(encode, values):
    assert mailgun_form._encoded(encode, values) == [encode(value) for value in values]
