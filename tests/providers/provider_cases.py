"""What every provider must do; a provider's own tests inherit these and say how to open and read it.

Those of a provider over HTTP have the fixtures `fake` and `provider_of`, which is made by `opening`;
conftest.py makes `account` and `impatient` of them.
"""

import html as html_module
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cast import HOSTILE_NAMES, a_mailing, a_message, a_recipient, names, reference

from newsletter.domain.pieces import Field
from newsletter.domain.provider import Outcome
from newsletter.providers.encoding import one_line
from newsletter.providers.wire import Patience
from newsletter.testing.fake_http import Fault

GREETING = a_message()
IMPATIENT = Patience(read=timedelta(seconds=0.15), call=timedelta(seconds=0.3))
NAME = Field("name", "there")
LINK = Field("unsubscribe_url")
_JOINER = "\u2060"
DOUBTFUL = (
    Fault.NEVER_ANSWER,
    Fault.ACCEPT_THEN_DROP,
    Fault.TRUNCATED_ANSWER,
    Fault.ERROR_AFTER,
    Fault.EMPTY_ANSWER,
    Fault.SLOW_ANSWER,
    Fault.DROP_BEFORE,
    Fault.ERROR_BEFORE,
    Fault.BAD_GATEWAY,
)


def opening(make):
    """Give the fixture that opens providers by `make`, and closes them at the end."""

    @pytest.fixture
    def provider_of():
        opened = []

        def open_for(*given, **values):
            opened.append(make(*given, **values))
            return opened[-1]

        yield open_for
        for one in opened:
            one.close()

    return provider_of


def send(account, mailing=None, message=None):
    return account.compile(message or a_message())(mailing or a_mailing()).make()


def seen(html):
    """Return what a reader sees, whatever is written as a character reference."""
    return html_module.unescape(html)


def shown(text):
    """Return what a reader sees: nobody sees a word joiner."""
    return text.replace(_JOINER, "")


class ProviderCases:
    """`provider` is open; `received(recipient)` gives the html, text and headers that arrived."""

    #: How a line of ours ends on the other side.
    newline = "\n"
    key_in_use = "re_secret_1234567890"

    def send(self, provider, mailing, message=GREETING):
        return send(provider, mailing, message)

    def test_everybody_is_accepted_with_an_id_of_their_own(self, provider):
        answer = self.send(provider, a_mailing())
        assert answer.outcome is Outcome.ACCEPTED
        assert sorted(answer.ids) == [0, 1, 2]
        assert len(set(answer.ids.values())) == 3

    def test_positions_survive_people_who_left_the_batch(self, provider):
        answer = self.send(provider, a_mailing(a_recipient(4), a_recipient(9)))
        assert sorted(answer.ids) == [4, 9]

    def test_each_gets_their_own_mail_whatever_their_name(self, provider):
        keys = count()

        @settings(max_examples=40)
        @given(st.lists(names, min_size=1, max_size=4))
        def each_gets_their_own(people):
            crowd = [a_recipient(pos, name) for pos, name in enumerate(people)]
            self.send(provider, a_mailing(*crowd, key=f"nl-{next(keys)}"))
            for recipient in crowd:
                self.check(provider, recipient)

        each_gets_their_own()

    def test_hostile_names_arrive_as_they_are(self, provider):
        crowd = [a_recipient(pos, name) for pos, name in enumerate(HOSTILE_NAMES)]
        assert self.send(provider, a_mailing(*crowd)).outcome is Outcome.ACCEPTED
        for recipient in crowd:
            self.check(provider, recipient)

    def test_nobody_sees_the_values_of_another(self, provider):
        crowd = [a_recipient(pos, f"Person{pos}Only") for pos in range(5)]
        self.send(provider, a_mailing(*crowd))
        for recipient in crowd:
            html, text, headers = self.received(recipient)
            everything = f"{html}{text}{headers}"
            others = [one for one in crowd if one is not recipient]
            assert not [o for o in others if o.name in everything or o.unsubscribe_url in everything]

    def test_the_way_out_is_in_the_headers_unbroken(self, provider):
        self.send(provider, a_mailing(a_recipient(7)))
        *_, headers = self.received(a_recipient(7))
        assert headers["List-Unsubscribe"] == f"<{a_recipient(7).unsubscribe_url}>"
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    def test_a_repeat_leaves_one_mail_each(self, provider):
        first, second = self.send(provider, a_mailing()), self.send(provider, a_mailing())
        assert first.ids == second.ids
        assert self.how_many() == 3

    def test_the_request_shows_what_would_leave_and_no_secret(self, provider):
        request = provider.compile(GREETING)(a_mailing()).request()
        assert request.url
        assert b"Ann Example" in request.body
        assert self.key_in_use not in f"{request} {provider!r} {vars(provider)}"

    def test_the_same_inputs_give_the_same_bytes(self, provider):
        compiled = provider.compile(GREETING)
        assert compiled(a_mailing()).request() == provider.compile(a_message())(a_mailing()).request()

    def check(self, provider, recipient):
        html, text, _ = self.received(recipient)
        assert html == reference(GREETING.html, recipient, is_html=True, newline=self.newline)
        assert text == reference(GREETING.text, recipient, newline=self.newline)


class HttpCases(ProviderCases):
    """What every provider that is called over HTTP must do; its fake lists what it has accepted."""

    @pytest.fixture
    def provider(self, account, fake):
        self.fake = fake
        return account

    def mail_to(self, recipient):
        return [mail for mail in self.fake.accepted if mail.to == (recipient.address,)][-1]

    def received(self, recipient):
        mail = self.mail_to(recipient)
        return mail.html, mail.text, mail.headers

    def how_many(self):
        return len(self.fake.accepted)

    @pytest.mark.parametrize("fault", DOUBTFUL)
    def test_a_doubtful_call_is_unknown(self, impatient, fake, fault):
        fake.script.append(fault)
        answer = send(impatient)
        assert (answer.outcome, answer.ids) == (Outcome.UNKNOWN, {})

    def test_a_call_that_may_not_start_any_more_sends_nothing(self, account, fake):
        answer = account.compile(GREETING)(a_mailing()).make(lambda: False)
        assert (answer.outcome, len(fake.accepted)) == (Outcome.DEFERRED, 0)

    def test_nobody_listening_means_that_nothing_was_sent(self, fake, provider_of):
        url = fake.url
        fake.__exit__()
        assert send(provider_of(url)).outcome is Outcome.DEFERRED


class WithoutKeys:
    """What becomes of a repeat where the service does not know calls by a key."""

    def test_a_repeat_leaves_one_mail_each(self, provider):
        """It does not: so a call is never repeated while its outcome is unknown."""
        self.send(provider, a_mailing())
        self.send(provider, a_mailing())
        assert self.how_many() == 6
        assert provider.capabilities.recovery is self.recovery


class SubstitutionCases(WithoutKeys, HttpCases):
    """What every provider must do that fills in the values by itself: text may only look the same."""

    def received(self, recipient):
        mail = self.mail_to(recipient)
        return seen(mail.html), shown(mail.text), mail.headers

    def check(self, provider, recipient):
        html, text, _ = self.received(recipient)
        assert html == seen(reference(GREETING.html, recipient, is_html=True))
        assert text == reference(GREETING.text, recipient)


def check_that_nothing_written_is_substituted(fake, account, words, max_examples):
    """Send what people and authors could write, and compare each mail with the plainest filling."""

    @settings(max_examples=max_examples)
    @given(st.lists(words, min_size=1, max_size=4), words, words)
    def holds(people, before, after):
        name = Field("name", after)
        message = a_message(
            subject=(before, NAME, after),
            html=("<p>", html_module.escape(before), name, html_module.escape(after), name, "</p>"),
            text=(before, name, after, name, LINK, after),
        )
        crowd = [a_recipient(pos, one, reference=f"r-{pos}") for pos, one in enumerate(people)]
        count = len(fake.accepted)
        assert send(account, a_mailing(*crowd), message).outcome is Outcome.ACCEPTED
        mails = fake.accepted[count:]
        assert [mail.to for mail in mails] == [(one.address,) for one in crowd]
        for one, mail in zip(crowd, mails, strict=True):
            assert seen(mail.html) == seen(reference(message.html, one, is_html=True))
            assert shown(mail.text) == shown(reference(message.text, one))
            assert shown(mail.subject) == shown(one_line(reference(message.subject, one)))

    holds()
