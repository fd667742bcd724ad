"""What is secret is hidden and nothing around it, what only looks so stays, and no text takes long."""

import json
import time

import pytest

from rollout.privacy import Privacy
from rollout.privacy.keyfile import TOKEN
from rollout.privacy.patterns import Patterns
from tests.rollout.privacy.samples import SECRETS, STAYS


@pytest.mark.parametrize(("before", "secret", "after"), SECRETS)
def test_a_secret_is_hidden_and_nothing_around_it(privacy: Privacy, before: str, secret: str, after: str) -> None:
    hidden = privacy.hide(before + secret + after)
    assert hidden.startswith(before)
    assert hidden.endswith(after)
    assert TOKEN.fullmatch(hidden[len(before):len(hidden) - len(after)])
    assert privacy.reveal(hidden) == before + secret + after
    assert privacy.hide(hidden) == hidden


@pytest.mark.parametrize("text", STAYS)
def test_what_only_looks_like_a_secret_stays(privacy: Privacy, text: str) -> None:
    assert privacy.hide(text) == text
    assert privacy.hide(f'{{"note": "{text}"}}' if '"' not in text else text) == (
        f'{{"note": "{text}"}}' if '"' not in text else text
    )
    assert not privacy.hidden


def test_the_tables_are_long_enough() -> None:
    assert len(SECRETS) >= 60
    assert len(STAYS) >= 60


HOSTILE = [
    "a", "@", "a@", "a.", "1.", "1", "+1", "4111 ", ":", "a:", "password=", 'password="', 'password=\\"', "sk-",
    "eyJa.", f"-----BEGIN {'PRIVATE'} KEY-----", f"-----BEGIN {'PRIVATE'} KEY-----\n" + "A" * 64,
    "://a:", "://", "\\", '\\"', '"', "{", "[",
    "AKIA", "key=", "<a-", "<email-00000000", "<email-00000000> ", "a@b.de ", "DE12 ", "00:", "token: ", "curl -u ",
    "%40", "Bearer ", "\x00", "é@",
    "password: ", "password: sunshine ",
    "the secret: ", "mysql ", "mysql a -p", "sshpass -p ", "redis-cli ", "machine a ",
    "cookie=", "cookie: sid=a1b2c3; ", "Set-Cookie: ", ":AA", "123456789:AA", ".abcdef", "ssn 536-90-4399 ", "phone",
    "phone 415-555-0134 ", "%20Acme",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_megabyte_of_anything_takes_seconds_not_hours(privacy: Privacy, unit: str) -> None:
    text = (unit * (10**6 // len(unit)))[:10**6]
    begun = time.process_time()
    list(Patterns().find(text))
    privacy.hide(text)
    inner = json.dumps([text[:10**5], "joe@example.com"])
    assert "joe@" not in privacy.hide(inner) + privacy.hide(json.dumps(inner))
    assert time.process_time() - begun < 60
