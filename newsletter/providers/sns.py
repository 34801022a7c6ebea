"""Posts of Amazon SNS: signed with a certificate that Amazon shows, from one topic of ours.

A valid signature proves some topic of Amazon, and anybody can make one and subscribe our address to it. So
only a topic that is configured is listened to, its certificate is taken from its own region alone, and no
other subscription is confirmed. Facts by docs.aws.amazon.com/sns as of 2026.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from newsletter.domain.event import Forged
from newsletter.errors import ProviderError
from newsletter.providers.reports import LONGEST_ID, instant, table, text
from newsletter.providers.rsa import RsaKey

NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
_ENDED = "UnsubscribeConfirmation"
#: By the type of a post: what is signed, in this order.
_SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    _ENDED: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES = {"1": "sha1", "2": "sha256"}
#: A post is repeated for an hour at most.
TOLERANCE = timedelta(hours=2)
_AHEAD = timedelta(minutes=5)
#: After one that did not come, no certificate is asked for: a stranger's post must not keep us busy.
_REST = timedelta(seconds=10)
_TIMEOUT_SECONDS = 5
_LARGEST = 64 * 1024
_MOST_KEYS = 8
_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2,}(?:-[a-z]+)+-\d{1,2}):\d{12}:[A-Za-z0-9_.-]{1,256}"
)
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{16,64}\.pem")

#: Gets a page of Amazon; raises OSError where none comes.
Fetch = Callable[[str], bytes]


def fetch(url: str) -> bytes:
    """Get a small page over TLS, without following it elsewhere; raises OSError where none comes."""
    try:
        with httpx.stream("GET", url, timeout=_TIMEOUT_SECONDS, follow_redirects=False) as response:
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(str(error) or type(error).__name__) from error
    if response.status_code != httpx.codes.OK or len(body) > _LARGEST:
        raise OSError(f"it answered {response.status_code}")
    return body


@dataclass(frozen=True)
class Topic:
    """One topic, and the only host that may speak for it."""

    arn: str
    host: str

    @classmethod
    def parse(cls, arn: str) -> "Topic":
        """Read the name of a topic; raises ValueError for anything else."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise ValueError("no topic of Amazon SNS")
        # Not just any host that begins so: a bucket of anybody's may.
        return cls(arn, f"sns.{match[2]}.amazonaws.com{'.cn' if match[1] == 'aws-cn' else ''}")

    def has(self, url: str) -> bool:
        """Tell whether an address is one of Amazon SNS in the region of the topic."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme == "https" and parts.netloc == self.host


@dataclass
class Certificates:
    """The keys of certificates that were fetched; they are few, and live for months."""

    fetch: Fetch = fetch
    _keys: dict[str, RsaKey] = field(default_factory=dict)
    _failed_at: datetime | None = None

    def key(self, url: str, now: datetime) -> RsaKey:
        """Return the key of a certificate; raises ProviderError where it cannot be had at this moment."""
        if found := self._keys.get(url):
            return found
        if self._failed_at is not None and timedelta() <= now - self._failed_at < _REST:
            raise ProviderError("a certificate of Amazon SNS was asked for in vain a moment ago")
        try:
            key = RsaKey.of_certificate(self.fetch(url))
        except (OSError, ValueError) as error:
            self._failed_at = now
            raise ProviderError(f"the certificate of Amazon SNS cannot be had ({error})") from error
        if len(self._keys) >= _MOST_KEYS:
            self._keys.clear()
        self._keys[url] = key
        return key


def read(body: bytes, topic: Topic, certificates: Certificates, now: datetime) -> Mapping[str, Any]:
    """Return what a post says once its signature is verified; raises Forged, and ProviderError as `key`."""
    try:
        said = table(orjson.loads(body))
    except orjson.JSONDecodeError:
        said = {}
    names = _SIGNED.get(text(said.get("Type")))
    if names is None:
        raise Forged("it has no signature; raw message delivery has to be off")
    if said.get("TopicArn") != topic.arn:
        raise Forged("it is of another topic")
    if not 0 < len(text(said.get("MessageId"))) <= LONGEST_ID:
        raise Forged("it has no id")
    url, hash_name = text(said.get("SigningCertURL")), _HASHES.get(text(said.get("SignatureVersion")))
    if hash_name is None or not topic.has(url) or not _CERTIFICATE.fullmatch(urlsplit(url).path):
        raise Forged("its certificate is not one of Amazon SNS in the region of the topic")
    sent_at = instant(said.get("Timestamp"))
    if sent_at is None or not -_AHEAD <= now - sent_at <= TOLERANCE:
        raise Forged("it is too old, or from the future")
    try:
        signature = b64decode(text(said.get("Signature")), validate=True)
    except (Base64Error, ValueError):
        signature = b""
    if not certificates.key(url, now).verifies(signature, _signed(said, names), hash_name):
        raise Forged("its signature is not by the certificate")
    return said


def confirm(said: Mapping[str, Any], topic: Topic, fetch: Fetch) -> None:
    """Answer a verified confirmation, by which the topic begins to send us its posts.

    Raises Forged for an address of anybody else's, and ProviderError where it does not answer.
    """
    url = text(said.get("SubscribeURL"))
    if not topic.has(url):
        raise Forged("the address of its confirmation is not one of the topic")
    try:
        fetch(url)
    except OSError as error:
        raise ProviderError(f"the subscription to the topic could not be confirmed ({error})") from error


def _signed(said: Mapping[str, Any], names: tuple[str, ...]) -> bytes:
    # A subject is there or it is not; all others are.
    present = [(name, said.get(name)) for name in names if name != "Subject" or said.get(name) is not None]
    lines = [f"{name}\n{value if isinstance(value, str) else ''}\n" for name, value in present]
    return "".join(lines).encode("utf-8", "replace")
