"""A name and a password in the address of a webhook, for services that sign no reports."""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.domain.event import Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.settings import read_secret, spelled


@dataclass(frozen=True)
class Login:
    """What every report of a service has to come with."""

    authorization: str = field(repr=False)

    def check(self, post: Post) -> None:
        """Raise Forged for a post that comes without it."""
        given = post.headers.get("authorization", "")
        if not hmac.compare_digest(self.authorization.encode(), given.encode("utf-8", "replace")):
            raise Forged("it does not come with our name and password")


def read_login(environment: Mapping[str, str], variable: str, service: str) -> Login:
    """Read a `name:password` from a variable, or from the file that `<variable>_FILE` names.

    Raises ProviderError where it is missing or is none.
    """
    login = read_secret(environment, variable).reveal()
    name, _, password = login.partition(":")
    if not name or not password:
        raise ProviderError(
            f"{spelled(environment, variable)} holds something that is no name with a password",
            mend=f"write name:password, the same as in the webhook's URL at {service}",
        )
    return Login(f"Basic {b64encode(login.encode()).decode()}")
