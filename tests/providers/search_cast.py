"""The people, the mails and the questions of the tests that search a provider's log."""

from provider_cast import DATE, a_mailing, a_message, a_recipient

from newsletter.domain.provider import Inquiry

START = DATE
KEY = "nl-1-1-1-0"


def crowd(count=3, key=KEY):
    return [a_recipient(pos, reference=f"{key}-{pos}") for pos in range(count)]


def send(account, *recipients, key=KEY, **values):
    return account.compile(a_message(**values))(a_mailing(*recipients, key=key)).make()


def search(account, *recipients, key=KEY):
    return account.search(Inquiry(key, recipients, START))
