"""What every provider must do; a provider's own tests inherit these and say how to open and read it."""

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cast import HOSTILE_NAMES, a_mailing, a_message, a_recipient, names, reference

from newsletter.domain.provider import Outcome

GREETING = a_message()


class ProviderCases:
    """`provider` is open; `received(recipient)` gives the html, text and headers that arrived."""

    #: How a line of ours ends on the other side.
    newline = "\n"
    key_in_use = "re_secret_1234567890"

    def send(self, provider, mailing, message=GREETING):
        return provider.compile(message)(mailing).make()

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
