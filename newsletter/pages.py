"""The part of the composition root behind the public pages: what they ask for, with its real parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from newsletter.config import Settings
from newsletter.domain.clock import Clock
from newsletter.domain.dress import Dress
from newsletter.domain.letter import Publication
from newsletter.domain.tokens import TokenKeys
from newsletter.pipeline.answering import Desk
from newsletter.pipeline.archiving import Archiving
from newsletter.pipeline.choosing import Choosing
from newsletter.pipeline.joining import SignUps
from newsletter.pipeline.limiting import Limiting
from newsletter.pipeline.noticing import Noticing
from newsletter.pipeline.readdressing import Readdressing
from newsletter.routing import DEFAULT
from newsletter.storage import Storage
from newsletter.store.database import Database


@dataclass(frozen=True)
class Pages:
    """What subscribers and visitors can do; `providers` are the ledger's names of those that mail them."""

    storage: Storage
    keys: TokenKeys
    settings: Settings
    clock: Clock
    providers: Mapping[str, str]
    dress: Dress = field(default_factory=Dress)

    @property
    def desk(self) -> Desk:
        return Desk(self._database, self.keys, self._publication, self.clock)

    @property
    def archiving(self) -> Archiving:
        return Archiving(self._database, self.keys, self._publication)

    @cached_property
    def sign_ups(self) -> SignUps:
        return SignUps(
            self._database,
            self.keys,
            self._publication,
            self.clock,
            self.storage.deployment.salt,
            self._noticing,
            self.limiting,
            keeps_ip=self.settings.web.keep_ip,
        )

    @property
    def choosing(self) -> Choosing:
        salt = self.storage.deployment.salt
        readdressing = Readdressing(self._database, salt, self._noticing, self.limiting)
        return Choosing(self._database, self.keys, self._publication, self.clock, self.sign_ups, readdressing)

    @property
    def limiting(self) -> Limiting:
        return Limiting(self.storage.deployment.salt)

    @property
    def _noticing(self) -> Noticing:
        return Noticing(self.providers[DEFAULT], self._publication, self.dress, self.providers)

    @property
    def _publication(self) -> Publication:
        return self.settings.publication

    @property
    def _database(self) -> Database:
        return self.storage.database
