"""Ask an address over the network whether it answers as it should."""

import httpx

_TIMEOUT_SECONDS = 10


def answers_with(url: str, expected: str) -> str | None:
    """Return None where a GET answers 200 with exactly the expected text, else what was wrong."""
    try:
        response = httpx.get(url, timeout=_TIMEOUT_SECONDS, follow_redirects=False)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    except httpx.InvalidURL:
        return "it is no web address"
    if response.status_code != httpx.codes.OK:
        return f"it answered {response.status_code}"
    return None if response.text.strip() == expected else "something else answered"
