from datetime import UTC, datetime

import pytest

from newsletter.errors import ProviderError
from newsletter.providers.settings import Secret
from newsletter.providers.sigv4 import Credentials, Scope, read_credentials, signed_headers

#: AWS's own examples ("aws-sig-v4-test-suite"), which all use these.
KEY = Credentials(Secret("AKIDEXAMPLE"), Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
SCOPE, URL = Scope("us-east-1", "service"), "https://example.amazonaws.com/"
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflf"
    "KD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd"
    "8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3i"
    "SIlTJabIQwj2ICCR/oLxBA=="
)
SES, AT_SES = Scope("eu-west-1", "ses"), datetime(2026, 12, 1, 9, tzinfo=UTC)


def signature(scope=SCOPE, url=URL, headers=(), body=(), at=AT, credentials=KEY, **values):
    said = signed_headers(credentials, scope, url, dict(headers), body, at, **values)["Authorization"]
    return said.rpartition("Signature=")[2]


def with_token():
    return Credentials(KEY.key_id, KEY.key, Secret(TOKEN))


def test_the_published_examples_are_signed_as_published():
    assert signature(method="GET") == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    assert signature() == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    form = signature(headers=FORM, body=[b"Param1=value1"])
    assert form == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    sts = signature(credentials=with_token())
    assert sts == "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"


def test_a_mail_is_signed_as_botocore_signs_it():
    body = (
        b'{"Content":{"Simple":{"Subject":{"Data":"hi"},"Body":{"Text":{"Data":"x"}}}},'
        b'"Destination":{"ToAddresses":["a@example.com"]},"FromEmailAddress":"n@example.org"}'
    )
    said = signed_headers(
        KEY,
        SES,
        "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
        {"Content-Type": "application/json"},
        [body],
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert said["X-Amz-Date"] == "20260102T030405Z"
    assert said["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/ses/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=966d5ec6cefbc95257d1e1637c28e7e5e0b23371eb6c3eb51e13cb026408e0d2"
    )


@pytest.mark.parametrize(
    ("credentials", "url", "expected"),
    [
        (
            with_token(),
            "http://127.0.0.1:9025/v2/email/outbound-bulk-emails",
            "69d0c4f0a3b7f963cafdde81762230feea214685fa90b5d95b3720a7d408e94f",
        ),
        (
            KEY,
            "http://127.0.0.1:9025/v2/email/outbound-bulk-emails",
            "178918f79c7bc3d9f7af789ba6fba3a62c412518f54ce0f1b5d5e8f10118950a",
        ),
        (
            with_token(),
            "https://email.eu-west-1.amazonaws.com/v2/email/suppression/addresses/a%40x.org",
            "da80078fe44737a0285ed8f0f8ff7d8604bda7efd965a42d7a633827c6dc29af",
        ),
    ],
)
def test_ports_tokens_and_encoded_paths_are_signed_as_botocore_signs_them(credentials, url, expected):
    """Computed with botocore 1.44.5."""
    headers, body = {"Content-Type": "application/json"}, [b'{"a"', b":1}"]
    assert signature(SES, url, headers, body, AT_SES, credentials) == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://email.eu-west-1.amazonaws.com:443/x", "email.eu-west-1.amazonaws.com"),
        ("http://127.0.0.1:80/x", "127.0.0.1"),
        ("http://[::1]:9025/x", "[::1]:9025"),
    ],
)
def test_the_host_is_signed_as_it_is_sent(url, host):
    assert signed_headers(KEY, SES, url, {}, [], AT)["Host"] == host


def test_credentials_come_from_variables_or_files(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    environment = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s/+="}
    assert read_credentials(environment).secrets == ("AKID", "s/+=")
    environment["AWS_SESSION_TOKEN_FILE"] = str(tmp_path / "token")
    assert read_credentials(environment).secrets == ("AKID", "s/+=", TOKEN)
    assert TOKEN not in repr(read_credentials(environment))


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_missing_one_is_named(missing):
    environment = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    del environment[missing]
    with pytest.raises(ProviderError, match=f"{missing} is not set"):
        read_credentials(environment)
