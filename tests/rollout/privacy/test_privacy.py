"""What is secret leaves no trace, what only looks so stays, and the key file's owner gets everything back."""

import json
import os
import random
import signal
import string
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rollout.privacy.patterns import Patterns, Presidio, PrivacyError, Span
from rollout.privacy.privacy import TOKEN, Privacy
from rollout.trajectory import Call, Image, Message, Observation, Other, Pointer, Reasoning, Text, Trajectory, Turn

ROOT = Path(__file__).parents[3]
LETTERS, HEX, BASE32 = string.ascii_letters + string.digits, "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def made(length: int, alphabet: str = LETTERS, seed: int = 1) -> str:
    """A body for a key, made here so that none stands in this file; the first two are a letter and a digit."""
    draw = random.Random(seed)
    digit = "2" if "2" in alphabet else ""
    return ("a" if "a" in alphabet else "A") + digit + "".join(draw.choices(alphabet, k=length - 1 - len(digit)))


URL64 = LETTERS + "-_"
PEM = f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{made(64)}\n{made(64, seed=2)}\n-----END RSA {'PRIVATE'} KEY-----"
JWT = f"ey{'J'}{made(20)}.ey{'J'}{made(60)}.{made(43, URL64)}"
HUNTER = "hunter2" * 2

# Where a secret stands, as before, secret and after.
SECRETS: list[tuple[str, str, str]] = [
    ("aws ", "AK" + "IA" + made(16, BASE32), " in us-east-1"),
    ("temporary:", "AS" + "IA" + made(16, BASE32), ""),
    ("aws_secret_access_key = ", made(40, LETTERS + "+/"), "\n"),
    ("export GITHUB=", "gh" + "p_" + made(36), "\n"),
    ("push with ", "gith" + "ub_pat_" + made(22) + "_" + made(59), ""),
    ("(", "gh" + "s_" + made(36), ")"),
    ("git clone with ", "gl" + "pat-" + made(20, URL64), ""),
    ("runner ", "gl" + "rt-" + made(20, URL64), " registered"),
    ("slack ", "xo" + "xb-" + made(12, string.digits) + "-" + made(24), ""),
    ("slack ", "xo" + "xp-" + made(50, LETTERS + "-"), ""),
    ("https://", "hooks.slack" + ".com/services/T" + made(8, BASE32) + "/B" + made(8, BASE32) + "/" + made(24), ""),
    ("stripe ", "sk" + "_live_" + made(24), " charged"),
    ("stripe ", "rk" + "_test_" + made(24), ""),
    ("webhook ", "wh" + "sec_" + made(32), ""),
    ("openai ", "s" + "k-" + made(48), ""),
    ("openai ", "s" + "k-proj-" + made(80, URL64), "."),
    ("claude ", "s" + "k-ant-api03-" + made(93, URL64) + "AA", ""),
    ("router ", "s" + "k-or-v1-" + made(64, HEX), ""),
    ("maps?key=", "AI" + "za" + made(35, URL64), "&q=x"),
    ("google ", "ya" + "29." + made(60, URL64), ""),
    ("google ", "GOC" + "SPX-" + made(28, URL64), ""),
    ("hub ", "h" + "f_" + made(34), ""),
    ("//registry.npmjs.org/:_authToken=", "np" + "m_" + made(36), "\n"),
    ("twine -p ", "py" + "pi-" + made(120, URL64), ""),
    ("jwt ", JWT, ""),
    ("", PEM, "\n"),
    ('{"pem": "', PEM.replace("\n", "\\n"), '"}'),
    ("mail ", "S" + "G." + made(22, URL64) + "." + made(43, URL64), ""),
    ("vault ", "hv" + "s." + made(24, URL64), ""),
    ("shop ", "shp" + "at_" + made(32, HEX), ""),
    ("line\\n", "gh" + "p_" + made(36, seed=3), "\\nline"),
    ("Authorization: Bearer ", made(32), "\r\n"),
    ("Authorization: Basic ", made(24), "\r\n"),
    ('"Authorization": "Bearer ', JWT, '"'),
    ("X-Api-Key: ", made(32, HEX), "\n"),
    ("X-Auth-Token: ", made(24), "\n"),
    ("https://x.org/?access_token=", made(30), "&page=2"),
    ("https://user:", "s3cr3tpw", "@example.org/path"),
    ("postgres://app:", "p%40ss1234", "@db:5432/shop"),
    ("redis://:", "a9f8e7d6", "@cache:6379/0"),
    ("mysql://root:", "qwerty", "@localhost/db"),
    ("Server=db;User Id=sa;Password=", "Tr0ub4dor&3"[:9], ";Encrypt=true"),
    ("AccountName=x;AccountKey=", made(86, LETTERS + "+/") + "==", ";EndpointSuffix=core"),
    ("password=", HUNTER, ""),
    ("password = '", "correct horse battery staple", "'"),
    ("PASSWORD: ", "sunshine", "\n"),
    ("DB_PASSWORD=", "sunshine", "\n"),
    ("MYSQL_PWD=", "Winter2024", " mysqldump"),
    ('{"password": "', "s3cret!", '", "user": "joe"}'),
    ('{"body": "{\\"password\\": \\"', "s3cret!", '\\"}"}'),
    ('{"a": "{\\"b\\": \\"{\\\\\\"api_key\\\\\\": \\\\\\"', made(20), '\\\\\\"}\\"}"}'),
    ('{"api_key": "', made(32), '"}'),
    ("{'client_secret': '", made(32), "'}"),
    ("secret_key: ", made(40), "\n"),
    ('password: str = "', "s3cret!", '"'),
    ("os.environ['API_TOKEN'] = '", made(20), "'"),
    ("deploy --token ", made(20), " --force"),
    ("mysql --password=", "s3cret12", " shop"),
    ("the password is ", "Blue42Sky", " now"),
    ("**Password:** `", "Blue42Sky", "`"),
    ("<password>", "hunter22", "</password>"),
    ("curl -u admin:", "letmein99", " https://x.org"),
    ("X-Amz-Signature=", made(64, HEX), "&x=1"),
    ("encryption key: ", made(32, HEX), "\n"),
    ("write to ", "joe.smith+shop@example.co.uk", ", please"),
    ("<", "joe@example.com", ">"),
    ("mailto:", "joe@example.com", "?subject=hi"),
    ("line\\n", "joe@example.com", "\\nline"),
    ("?email=", "joe%40example.com", "&x=1"),
    ("from ", "jörg@bücher.de", ""),
    ("host ", "192.168.17.4", " is up"),
    ("http://", "10.20.30.40", ":8080/x"),
    ("ping ", "2001:db8:85a3::8a2e:370:7334", " ok"),
    ("ping ", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", " ok"),
    ("ping ", "fe80::1ff:fe23:4567:890a", "%eth0"),
    ("ether ", "00:1A:2B:3C:4D:5E", " up"),
    ("ether ", "00-1a-2b-3c-4d-5e", " up"),
    ("call ", "+49 151 23456789", ""),
    ("call ", "+1 (202) 555-0143", " today"),
    ("tel:", "+442079460958", ""),
    ("IBAN ", "DE89 3704 0044 0532 0130 00", " EUR"),
    ("IBAN ", "GB82WEST12345698765432", ""),
    ("IBAN ", "BE68 5390 0754 7034", " PAID"),
    ("card ", "4111 1111 1111 1111", " exp 12/27"),
    ("card ", "5500000000000004", ""),
    ("card ", "3782-822463-10005", ""),
]

STAYS = [
    "credit_card_4421486", "reservation OI5L9G", "gift_card_6276644", "certificate_7504069", "user mia_li_3668",
    "call_oIHazX6yQrB8hUwl4cRilFKj", "flight HAT069 for $1,234.56", "total: 1184.00 EUR", "zip 78750",
    "2024-05-15 15:00:00 EST", "2024-05-15T15:00:00+02:00", "05/20/2024", "03:00:00+1", "12:30:45:678",
    "born 1990-04-05",
    "version 1.2.3", "v10.11.12.13", "version 10.0.19.45", "Chrome/120.10.0.0 Safari/537.36", "section 1.2.3.4",
    "127.0.0.1", "255.255.255.0", "0.0.0.0:8000", "dns 1.1.1.1 and 8.8.8.8", "300.400.500.600", "1.3.6.1.4.1.311",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "sha256:" + made(64, HEX),
    "123e4567-e89b-12d3-a456-426614174000", "id 550e8400e29b41d4a716446655440000",
    "a::b", "x[1::2]", "std::vector<int>", "::1", "10:20:30", "ratio 16:9", "fe:80",
    "4111 1111 1111 1112", "1234567890123456", "order 4716-2210", "1700000000000", "1700000000000000", "20240515150000",
    "DE89 3704 0044 0532 0130 01", "XX89370400440532013000", "ROOM12 ABCD EFGH IJKL",
    "+15 damage", "+1000 points", "+12 345", "1 + 2 + 3 = 6", "@@ -10,7 +10,7 @@", "+1 000 000 0000",
    "You are in an open field west of a white house. There is a small mailbox here.",
    "unlock the chest with the brass key", "The secret door: north.", "the password is required", "password: required",
    "Enter your password:", "forgot password?", "password=None", "password=${PASSWORD}", "password: <your password>",
    "password = get_password()", "login(password=password)", '"password": ""', '"password": "********"',
    "api_key=settings.API_KEY", "api_key: your_api_key_here", "token: string", "max_tokens=4096", '"tokens": 1024',
    "next_page_token", "tokenizer = gpt2medium", "primary key: 12345678", "key: value42x", "monkey: banana42",
    "compass: north42x",
    '"type": "password"', "Authorization: required", "bearer of bad news", "token expired", "secret = None",
    "task-based sk-learn desk-top-organization-helper-number-five", "npm_config_registry", "hf_transfer", "ghp_short",
    "follow @alice", "icon@2x.png", "git@github.com:org/repo.git", "lodash@4.17.21", "user@localhost", "a@b",
    "@types/node",
    "https://example.com/a:b/c", "http://localhost:8080/", "s3://bucket/key", "take coin", "drop knife; go north",
    "-= Kitchen =-", "score 10/10 in 42 moves", "ISBN 978-3-16-148410-0", "3.14159265358979", "1e-10", "#4a90e2",
]


@pytest.fixture
def privacy(tmp_path: Path) -> Iterator[Privacy]:
    with Privacy(tmp_path / "key") as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Privacy]:
    key = tmp_path_factory.mktemp("keys") / "key"
    with Privacy(key, words=["Acme", "4711", "nova"], patterns=["cust-[0-9]+"]) as opened:
        yield opened


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


FRAGMENTS = st.sampled_from([
    *(before + secret + after for before, secret, after in SECRETS), *STAYS, "<email-00000000>", "<key_json-0a1b2c3d>",
    "Acme", "4711", "nova", "cust-12", "\\", "\\n", '"', "\\\"", "'", "{", "}", "[", "]", ":", ",", " ", "\n",
    "\\u0041", "<", ">", "<email-", "password", "=", "-3f2a9c41>", "İ", "😀", "\ud800",
])
TEXTS = st.text(max_size=50) | st.lists(FRAGMENTS | st.text(max_size=5), max_size=8).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
    | st.sampled_from([4111111111111111, 4711, 5500000000000004]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.just("password"), inner, max_size=3)
    | inner.map(json.dumps),
    max_leaves=8,
)
often = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def valid(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@given(TEXTS)
@often
@example('{"a": "\\nova"}')
@example("<email-00000000>joe@example.com")
def test_every_text_comes_back_and_is_hidden_once(shared: Privacy, text: str) -> None:
    issued = [match[0] for match in TOKEN.finditer(text) if match[0] in shared.keys.originals]
    hidden = shared.hide(text)
    assert shared.hide(hidden) == hidden
    assert shared.reveal(hidden) == text or issued


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
@often
@example({"card": 4111111111111111, "inner": '{"card": [4111111111111111, 4711], "x": "4711"}'}, None, True)
@example("nova\\nova", None, True)
def test_arguments_stay_json(shared: Privacy, value: object, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    session = one(text).model_copy(update={"turns": (acting(text),)})
    hidden = shared.hide_session(session)
    assert valid(hidden.turns[0].action.calls[0].arguments)
    assert shared.hide_session(hidden) == hidden
    assert shared.reveal_session(hidden) == session


def acting(arguments: str) -> Turn:
    return Turn(action=Message(role="assistant", content=(Call(name="do", arguments=arguments),)))


def one(text: str) -> Trajectory:
    turns = [{"action": "look", "observation": "A wall."}]
    return Trajectory.model_validate(
        {"id": "a", "source": "real", "observation": "Welcome.", "turns": turns}
    ).model_copy(update={"task": text})


def everywhere(number: int, secret: str) -> Trajectory:
    """A session with a secret in all of its places, in the form that its number says."""
    nested = json.dumps({"note": json.dumps({"deep": json.dumps([secret, f"x{secret}y"])})})
    form = [secret, f"it is {secret}.", f"https://x.org/?next={secret}#a", f"a{secret}b", f"/home/{secret}/x",
            f"%3D{secret}", f"\\n{secret}", nested, f"{secret}{secret}", f"“{secret}”"][number % 10]
    extra = {form: {"list": [form, {secret: None}], secret: form}, "number": 3}
    part = (
        Text(text=form, extra={"a": form}), Reasoning(text=form), Image(reference=form, media_type=form),
        Call(name=form, arguments=json.dumps({"q": form, secret: [form]}), id=form, extra={"x": form}),
        Other(value=[form]),
    )
    message = Message(role="assistant", content=part, call=form, name=form, extra=extra)
    return Trajectory(
        id=f"{number} {form}", source="real", task=form, system=Message(role="system", content=form),
        tools=(extra, form), observation=Observation(messages=(Message(role="user", content=form), message)),
        turns=(Turn(action=message, observation=Observation(messages=(message,)), actions=(form, "go")),),
        stop=form, policy=form, environment=form, format="chat", pointer=Pointer(file=form, line=1), extra=extra,
    )


def test_a_secret_told_once_is_in_no_byte_of_a_thousand_sessions(privacy: Privacy) -> None:
    secret = "Zx9" + made(9)
    sessions = [everywhere(number, secret) for number in range(999)] + [one(f"password={secret}")]
    for session in sessions:
        privacy.learn(session)
    assert not privacy.hidden
    for session in sessions:
        hidden = privacy.hide_session(session)
        stored = hidden.model_dump_json()
        assert secret not in stored
        assert secret not in json.dumps(json.loads(stored), ensure_ascii=False)
        assert Trajectory.model_validate_json(stored) == hidden
        assert privacy.reveal_session(hidden) == session
    assert privacy.hidden["password"] > 20_000
    assert secret not in repr(privacy) + repr(privacy.hidden)


def test_a_secret_with_signs_is_found_as_json_and_addresses_write_it(privacy: Privacy) -> None:
    secret = 'p@ß"w/ö\\rd' + "99x"
    privacy.learn(one("password=" + f"'{secret}'"))
    for form in (secret, json.dumps(secret), json.dumps(json.dumps([secret])), json.dumps(secret, ensure_ascii=False),
                 "https://x.org/p%40%C3%9F%22w%2F%C3%B6%5Crd99x"):
        hidden = privacy.hide(f"see {form}.")
        assert "rd99x" not in hidden
        assert privacy.reveal(hidden) == f"see {form}."


def test_names_in_structures_tell_secrets(privacy: Privacy) -> None:
    session = one("").model_copy(update={"extra": {
        "password": "sunny days", "pin": 1234, "db_password": 12345678,
        "headers": {"Authorization": "Bearer abcdefgh12"}, "passwords": [1], "api_keys": [],
        "card": 4111111111111111, "token": ["abcdefgh12"], "price": 1234567,
    }})
    hidden = privacy.hide_session(session)
    text = hidden.model_dump_json()
    assert not [each for each in ("sunny", "12345678", "abcdefgh12", "4111111111111111") if each in text]
    assert hidden.extra is not None
    assert hidden.extra["pin"] == 1234
    assert hidden.extra["price"] == 1234567
    assert str(hidden.extra["headers"]).startswith("{'Authorization': 'Bearer <key-")
    assert privacy.reveal_session(hidden) == session


def test_what_is_not_to_be_hidden_is_the_same_object(privacy: Privacy) -> None:
    turn = Turn(action=Message(role="assistant", content="go"))
    session = Trajectory(
        id="a", source="real", observation=Observation(messages=()), turns=(turn,), seed=4111111111111111,
        extra={"words": ["a", {"b": 1.5}], "none": None},
    )
    assert privacy.hide_session(session) is session


def test_listed_words_are_hidden_however_capitalised(tmp_path: Path) -> None:
    with Privacy(tmp_path / "key", words=["Acme GmbH", "Bob", "#42", "王小明"], patterns=[r"K-\d{4}", ""]) as privacy:
        hidden = privacy.hide("ACME GmbH and bob (not Bobby) asked 王小明们 about K-1234 and #42.")
        assert [match[1] for match in TOKEN.finditer(hidden)] == ["word"] * 5
        assert "(not Bobby)" in hidden
        assert privacy.hidden == {"word": 5}


@pytest.mark.parametrize("wrong", [{"words": [" "]}, {"patterns": ["ok", "(secretname"]}])
def test_a_wrong_word_is_refused_without_being_told(tmp_path: Path, wrong: dict[str, list[str]]) -> None:
    with pytest.raises(PrivacyError) as refused:
        Privacy(tmp_path / "key", **wrong)  # type: ignore[arg-type]
    assert "secretname" not in str(refused.value)


class Names:
    """A detector of a user's own."""

    def find(self, text: str) -> list[Span]:
        at = text.find("Ann Lee")
        return [Span(at, at + 7, "PERSON-Name 1")] if at >= 0 else []


def test_another_detector_may_look_too(tmp_path: Path) -> None:
    with Privacy(tmp_path / "key", detector=Names()) as privacy:
        hidden = privacy.hide("Ann Lee, joe@example.com")
        assert [match[1] for match in TOKEN.finditer(hidden)] == ["personname", "email"]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(PrivacyError, match=r"pip install 'dreaming-simulator\[privacy\]'"):
        Presidio()


def test_presidio_finds_what_patterns_leave(tmp_path: Path) -> None:
    pytest.importorskip("presidio_analyzer")
    with Privacy(tmp_path / "key", detector=Presidio()) as privacy:
        hidden = privacy.hide("My number is 536-90-4399, my reservation OI5L9G, paid with credit_card_4421486.")
        assert privacy.hidden == {"us_ssn": 1}
        assert "536" not in hidden
        assert privacy.hide(hidden) == hidden
    with pytest.raises(PrivacyError, match="spacy download"):
        Presidio(model="no_such_model")


def test_a_value_has_one_token_in_every_text_file_and_process(tmp_path: Path) -> None:
    key, text = tmp_path / "key", f"joe@example.com, password={HUNTER}; joe@example.com"
    code = "import sys; from pathlib import Path; from rollout.privacy import Privacy\n" \
           "with Privacy(Path(sys.argv[1])) as p: print(p.hide(sys.argv[2]))"
    said = {subprocess.run([sys.executable, "-c", code, str(key), text], capture_output=True, text=True, check=True,
                           cwd=ROOT).stdout.strip() for _ in range(2)}
    with Privacy(key) as privacy:
        said.add(privacy.hide(text))
        assert said == {privacy.hide(text)}
        assert len({match[0] for match in TOKEN.finditer(privacy.hide(text))}) == 2
    with Privacy(tmp_path / "other") as other:
        assert other.hide(text) not in said


def test_processes_that_append_at_once_agree(tmp_path: Path) -> None:
    key = tmp_path / "key"
    code = "import sys; from pathlib import Path; from rollout.privacy import Privacy\n" \
           "with Privacy(Path(sys.argv[1])) as p: print(*(p.hide(f'a{n}@example.com') for n in range(300)))"
    running = [subprocess.Popen([sys.executable, "-c", code, str(key)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
               for _ in range(3)]
    said = {process.communicate()[0] for process in running}
    assert len(said) == 1
    lines = key.read_bytes().splitlines()
    assert len(lines) == 301
    with Privacy(key) as first, Privacy(key) as second:
        token = first.hide("new@example.com")
        assert second.reveal(token) == "new@example.com"
        assert second.hide(token) == token


def test_a_killed_process_leaves_a_key_file_that_can_be_used(tmp_path: Path) -> None:
    key = tmp_path / "key"
    code = "import sys; from itertools import count; from pathlib import Path; from rollout.privacy import Privacy\n" \
           "p = Privacy(Path(sys.argv[1]))\nfor n in count(): print(p.hide(f'a{n}@example.com'), flush=True)"
    process = subprocess.Popen([sys.executable, "-c", code, str(key)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(50)]
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with open(key, "ab") as stream:
        stream.write(b'{"token": "<email-12')  # as if killed while it wrote
    with Privacy(key) as privacy:
        assert [privacy.reveal(each) for each in said] == [f"a{n}@example.com" for n in range(50)]
        assert privacy.hide("b@example.com") not in said
    with Privacy(key) as privacy:
        assert "b@example.com" in privacy.keys.originals.values()


def test_the_key_file_is_private(tmp_path: Path) -> None:
    key = tmp_path / "folder" / "key"
    umask = os.umask(0)
    try:
        Privacy(key).keys.close()
    finally:
        os.umask(umask)
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    with pytest.raises(PrivacyError, match="chmod 600"):
        Privacy(key)


def test_the_key_file_lies_outside_the_run_folder(tmp_path: Path) -> None:
    with pytest.raises(PrivacyError, match="must not be in the run folder"):
        Privacy(tmp_path / "run" / "key", outside=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("old", "new", "message"), [
    ('"version": 1', '"version": 2', "of version 2"), ('"secret": "', '"secret": "00', "line 1: .* damaged"),
    ('{"version"', '"version"', "line 1: .* damaged"), ("joe@", "jim@", "line 2: .* damaged"),
    ('{"token"', '["token"', "line 2: .* damaged"), ("\n", "", "line 1: .* damaged"),
])
def test_a_damaged_key_file_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    key = tmp_path / "key"
    with Privacy(key) as privacy:
        privacy.hide("joe@example.com")
    key.write_text(key.read_text().replace(old, new))
    with pytest.raises(PrivacyError, match=message) as refused:
        Privacy(key)
    assert "example" not in str(refused.value)


def test_tokens_of_two_values_differ_where_their_digests_begin_alike(
    privacy: Privacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy.keys, "_digest", lambda value: "0" * 12 + value.encode().hex().ljust(52, "0"))
    texts = ["<email-00000000>", *(f"{name}@example.com" for name in "abc")]
    tokens = [privacy.hide(text) for text in texts]
    assert len(set(tokens)) == 4
    assert [privacy.reveal(token) for token in tokens] == texts


def test_no_log_can_forge_a_token(privacy: Privacy) -> None:
    real = privacy.hide("joe@example.com")
    forged = real.replace("<email", "<phone")
    assert privacy.hide(forged) != forged
    assert privacy.reveal(privacy.hide(forged)) == forged
    assert privacy.hide(f"say {real}") == f"say {real}"


HOSTILE = [
    "a", "@", "a@", "a.", "1.", "1", "+1", "4111 ", ":", "a:", "password=", 'password="', 'password=\\"', "sk-",
    "eyJa.", f"-----BEGIN {'PRIVATE'} KEY-----", f"-----BEGIN {'PRIVATE'} KEY-----\n" + "A" * 64,
    "://a:", "://", "\\", '\\"', '"', "{", "[",
    "AKIA", "key=", "<a-", "<email-00000000", "<email-00000000> ", "a@b.de ", "DE12 ", "00:", "token: ", "curl -u ",
    "%40", "Bearer ", "\x00", "é@",
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
