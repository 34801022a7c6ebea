"""Let people choose what they get, and see what is kept of them. Decides nothing.

Whoever holds any mail of a person's may pause and end what is sent; a mail may have been passed on. Who they
are is shown and changed only by a link that was mailed to them within a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from newsletter.domain.clock import Clock
from newsletter.domain.letter import Publication
from newsletter.domain.lifecycle import agreement, version_of
from newsletter.domain.notices import Notice
from newsletter.domain.pausing import date_of, end_of, written, zone_of
from newsletter.domain.series import AppliedSeries
from newsletter.domain.signup import About, Came, Choice, Choices, Chosen
from newsletter.domain.subscriber import Evidence, Subscriber, clean_name
from newsletter.domain.tokens import Grant, Purpose, TokenKeys
from newsletter.domain.zones import all_zones, offer_zone
from newsletter.errors import NewsletterError
from newsletter.pipeline.forgetting import forget
from newsletter.pipeline.joining import SignUps
from newsletter.pipeline.readdressing import Readdressing
from newsletter.store import consents, explaining, pausing, series, subscribers
from newsletter.store.database import Database

_HOW = "preferences"
_MOST_WEEKS = 52
_MAIL_COMES = "Please check your mail: what you need is on its way to you."
_GONE = "You have been forgotten, and will get no more mail."


@dataclass(frozen=True)
class _Holder:
    """Whoever has a link: of which person, by which series, and whether it was mailed to them alone."""

    grant: Grant
    is_owner: bool


@dataclass(frozen=True)
class Choosing:
    """Show people their choices, and do what they choose."""

    database: Database
    keys: TokenKeys
    publication: Publication
    clock: Clock
    joining: SignUps
    readdressing: Readdressing

    def choices(self, token: str) -> Choices | None:
        """Read what is sent to a person."""
        holder = self._holder(token)
        if holder is None:
            return None
        with self.database.reading() as tx:
            return self._choices(tx, holder)

    def choose(self, token: str, act: str, values: dict[str, str], ip: str) -> Chosen | None:
        """Do what a person chose; it is durable when this returns."""
        holder = self._holder(token)
        if holder is None:
            return None
        told = error = ""
        with self.database.writing(urgent=True) as tx:
            person = subscribers.get(tx, holder.grant.subscriber_id)
            if person is None:
                return None
            try:
                told = self._do(tx, holder, person, act, values, ip)
            except NewsletterError as refused:
                error = refused.message + (f"; {refused.mend}" if refused.mend else "")
            return Chosen(self._choices(tx, holder), told, _sentence(error))

    def data(self, token: str) -> bytes | None:
        """Write everything that is kept of a person, for them alone."""
        holder = self._holder(token)
        if holder is None or not holder.is_owner:
            return None
        with self.database.reading() as tx:
            person = subscribers.get(tx, holder.grant.subscriber_id)
            if person is None:
                return None
            return orjson.dumps(
                self._everything(tx, holder.grant.subscriber_id, person), option=orjson.OPT_INDENT_2
            )

    def look_up_address(self, token: str) -> About | None:
        """Read whether a link to confirm an address still does so."""
        with self.database.reading() as tx:
            return self._about() if self.readdressing.find(tx, self._moving(token)) else None

    def confirm_address(self, token: str, ip: str) -> Came | None:
        """Let a person have the address that the link was mailed to."""
        grant = self._moving(token)
        with self.database.writing(urgent=True) as tx:
            return self.readdressing.confirm(tx, grant, self._evidence("confirmation link", ip=ip))

    def _do(
        self,
        tx: Connection,
        holder: _Holder,
        person: Subscriber,
        act: str,
        values: Mapping[str, str],
        ip: str,
    ) -> str:
        id_ = holder.grant.subscriber_id
        if act in ("off", "on", "pause", "resume"):
            of = series.find(tx, values.get("series", ""))
            return self._change(tx, of, holder, person, act, values, ip) if of else ""
        if act == "link":
            return self._mail_link(tx, holder, person, ip)
        if not holder.is_owner:
            return ""
        if act == "person":
            subscribers.rename(tx, id_, _renamed(person, values))
            return "Your name and zone are kept."
        if act == "address":
            wanted = values.get("address", "")
            self.readdressing.ask(tx, id_, holder.grant.series_id, wanted, self._evidence(_HOW, ip=ip), ip)
            return "Please check the mail of your new address: a link to confirm it is on its way."
        if act == "erase" and values.get("sure") == "yes":
            forget(tx, id_, self._evidence("forget"))
            return _GONE
        return ""

    def _change(
        self,
        tx: Connection,
        of: AppliedSeries,
        holder: _Holder,
        person: Subscriber,
        act: str,
        values: Mapping[str, str],
        ip: str,
    ) -> str:
        id_ = holder.grant.subscriber_id
        if act == "off":
            subscribers.unsubscribe(tx, of.id, id_, self._evidence(_HOW), None)
            return f"You get no more of {of.title}."
        if act == "on":
            # Whoever was mailed a link just now asks for themselves.
            asked = of.slug if holder.is_owner else ""
            limiting = self.joining.limiting
            if limiting.over(tx, person.address, ip, self.clock.now(), asked=asked) is None:
                text = agreement(of.title)
                self.joining.request(tx, of, id_, self._evidence(_HOW, text, ip))
            return f"Please check your mail: a link to confirm {of.title} is on its way."
        weeks = values.get("weeks", "")
        if act == "pause" and weeks.isascii() and weeks.isdigit() and 1 <= int(weeks[:4]) <= _MOST_WEEKS:
            zone = zone_of(person.zone, of.cadence.zone)
            until = end_of(None, int(weeks), zone, self.clock.now())
            pausing.pause(tx, of.id, id_, until, Evidence(self.clock.now(), _HOW, written(until)))
            return f"You get nothing of {of.title} before {_day(until, person, of)}."
        if act == "resume":
            pausing.pause(tx, of.id, id_, None, self._evidence(_HOW))
            return f"You get {of.title} again."
        return ""

    def _mail_link(self, tx: Connection, holder: _Holder, person: Subscriber, ip: str) -> str:
        now = self.clock.now()
        of = next((one for one in series.every(tx) if one.id == holder.grant.series_id), None)
        limiting = self.joining.limiting
        if of is not None and limiting.over(tx, person.address, ip, now, asked="link") is None:
            id_ = holder.grant.subscriber_id
            asked_by = consents.note(tx, of.id, id_, "link requested", self._evidence(_HOW, ip=ip))
            self.joining.noticing.plan(tx, Notice.DETAILS, of, id_, asked_by, now)
        return _MAIL_COMES

    def _choices(self, tx: Connection, holder: _Holder) -> Choices | None:
        id_, now = holder.grant.subscriber_id, self.clock.now()
        person = subscribers.get(tx, id_)
        if person is None:
            return None
        every = series.every(tx)
        own = {one.series_id: one for one in pausing.of_person(tx, id_, [one.id for one in every])}
        rows = []
        for one in every:
            found = own.get(one.id)
            paused = found.paused_until if found and found.is_paused(now) else None
            standing = found.state.value if found else "none"
            rows.append(Choice(one.slug, one.title, standing, _day(paused, person, one) if paused else ""))
        if not holder.is_owner:
            return Choices(self._about(), rows)
        return Choices(self._about(), rows, is_owner=True, **person.__dict__)

    def _everything(self, tx: Connection, id_: int, person: Subscriber) -> dict[str, Any]:
        every = {one.id: one for one in series.every(tx)}
        issues = {row.id: row.target for row in series.issues(tx)}
        own = pausing.of_person(tx, id_, list(every))
        return {
            "address": person.address,
            "name": person.name,
            "zone": person.zone,
            "subscriptions": [
                {"series": one.series, "state": one.state, "paused_until": one.paused_until} for one in own
            ],
            "consent": [
                {
                    "at": one.at,
                    "series": every[one.series_id].slug,
                    "what": one.kind,
                    "how": one.how,
                    "text": one.text,
                    "version": one.version,
                }
                for one in consents.history(tx, id_)
            ],
            "mails": [
                {
                    "issue": one.target,
                    "state": one.standing(self.clock.now()),
                    "called_at": one.last_call_at,
                    "delivered_at": one.delivered_at,
                }
                for one in explaining.deliveries(tx, id_, issues)
                if one.is_real
            ],
        }

    def _holder(self, token: str) -> _Holder | None:
        now = self.clock.now()
        for purpose, is_owner in ((Purpose.DETAILS, True), (Purpose.CHOOSE, False)):
            grant = self.keys.verify(purpose, token, now)
            if grant is not None:
                return _Holder(grant, is_owner)
        return None

    def _moving(self, token: str) -> Grant | None:
        return self.keys.verify(Purpose.MOVE, token, self.clock.now())

    def _evidence(self, how: str, text: str = "", ip: str = "") -> Evidence:
        kept = ip if self.joining.keeps_ip else ""
        return Evidence(self.clock.now(), how, text, version_of(text), kept)

    def _about(self) -> About:
        return About(self.publication.name, self.publication.language)


def _renamed(person: Subscriber, values: Mapping[str, str]) -> Subscriber:
    zone = values.get("zone", "").strip()
    if zone and zone not in all_zones():
        raise NewsletterError(f"there is no zone {zone[:60]!r}", mend=offer_zone(zone[:60]))
    return Subscriber(person.address, clean_name(values.get("name", "")), zone)


def _day(until: datetime, person: Subscriber, of: AppliedSeries) -> str:
    day = date_of(until, person.zone, of.cadence.zone)
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def _sentence(text: str) -> str:
    return (
        f"{text[:1].upper()}{text[1:]}."
        if text and not text.endswith(("?", "."))
        else text[:1].upper() + text[1:]
    )
