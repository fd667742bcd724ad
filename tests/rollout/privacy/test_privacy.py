"""What is secret leaves no trace in texts and sessions, JSON stays JSON, and everything comes back."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rollout.privacy import Privacy
from rollout.privacy.keyfile import TOKEN
from rollout.trajectory import Call, Image, Message, Observation, Other, Pointer, Reasoning, Text, Trajectory, Turn
from tests.rollout.privacy.samples import PEM, SECRETS, STAYS, made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Privacy]:
    key = tmp_path_factory.mktemp("keys") / "key"
    with Privacy(key, words=["Acme", "4711", "nova", "end\\"], patterns=["cust-[0-9]+"]) as opened:
        yield opened


FRAGMENTS = st.sampled_from([
    *(before + secret + after for before, secret, after in SECRETS), *STAYS, "<email-00000000>", "<key_json-0a1b2c3d>",
    "Acme", "4711", "nova", "end\\", "cust-12", "\\", "\\n", '"', "\\\"", "'", "{", "}", "[", "]", ":", ",", " ", "\n",
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
@example("end\\", None, True)
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


AWKWARD = [PEM, 'it"s 9 tricky', 'a"b\\c9xyz!',
           "p\x00\x7f\u2028\b\f\té😀9/tricky\r\n end", "\\\"9xyzabc\\", "half\ud800one9"]


@pytest.mark.parametrize("secret", AWKWARD)
def test_a_file_comes_back_with_its_values_in_json(privacy: Privacy, secret: str) -> None:
    deep = json.dumps({"password": secret, "card": 4111111111111111})
    extra = {"password": secret, "card": 4111111111111111, "api_key": 12345678901234567890123, "n": 1e16, deep: 2,
             "list": [1.50, None, "x" + secret]}
    session = one(f"password='{secret}' {deep}").model_copy(update={"turns": (acting(deep),), "extra": extra})
    privacy.learn(session)
    hidden = privacy.hide_session(session)
    if "\ud800" in secret:  # what cannot be stored as a record can in other programs' files
        lines = [json.dumps(each.model_dump(exclude_none=True)).encode() + b"\n" for each in (hidden, session)]
    else:
        lines = [each.model_dump_json(exclude_none=True).encode() + b"\n" for each in (hidden, session)]
    assert secret[-6:] not in json.loads(lines[0])["task"]
    assert privacy.hidden["password"] or privacy.hidden["key"]
    (back,) = privacy.reveal_lines([lines[0]])
    assert json.loads(back) == json.loads(lines[1])
    assert back == lines[1] or "\ud800" in secret
    indented = json.dumps(json.loads(lines[0]), indent=2).encode().splitlines(keepends=True)
    assert json.loads(b"".join(privacy.reveal_lines(indented))) == json.loads(lines[1])
    assert not privacy.unknown


def test_other_lines_come_back_as_text_and_other_bytes_stay(privacy: Privacy) -> None:
    secret = 'it"s 9 tricky'
    token = privacy.hide(f"password='{secret}'").removeprefix("password=").strip("'").encode()
    lines = [b"{\n", b"say " + token + b" \xff\x00\r\n", b'{"a": ' + token + b"\n",
             b"<key-0a1b2c3d><key_json-0a1b2c3e>\n", b'\xef\xbb\xbf{"a": "\xc3 ' + token + b'"}\n', bytes(range(256))]
    told = [each.replace(token, secret.encode()) for each in lines]
    told[-2] = told[-2].replace(b'it"s', b'it\\"s')
    assert b"".join(privacy.reveal_lines(lines)) == b"".join(told)
    assert privacy.unknown == {"<key-0a1b2c3d>", "<key_json-0a1b2c3e>"}
    assert list(privacy.reveal_lines([])) in ([], [b""])


def test_names_in_structures_tell_secrets(privacy: Privacy) -> None:
    session = one("").model_copy(update={"extra": {
        "password": "sunny days", "pin": 1234, "db_password": 12345678,
        "headers": {"Authorization": "Bearer abcdefgh12"}, "passwords": [1], "api_keys": [],
        "card": 4111111111111111, "token": ["abcdefgh12"], "price": 1234567, "ssn": "536-90-4399",
        "cookies": {"Cookie": "sid=a1b2c3d4; sid=e5f6a7b8"}, "mobile": "415-555-0134", "order": "415-555-0135",
    }})
    hidden = privacy.hide_session(session)
    text = hidden.model_dump_json()
    assert not [each for each in ("sunny", "12345678", "abcdefgh12", "4111111111111111", "4399", "a1b2", "e5f6",
                                 "0134") if each in text]
    assert hidden.extra is not None
    assert hidden.extra["pin"] == 1234
    assert hidden.extra["price"] == 1234567
    assert hidden.extra["order"] == "415-555-0135"
    assert str(hidden.extra["headers"]).startswith("{'Authorization': 'Bearer <key-")
    assert privacy.reveal_session(hidden) == session


def test_what_is_not_to_be_hidden_is_the_same_object(privacy: Privacy) -> None:
    turn = Turn(action=Message(role="assistant", content="go"))
    session = Trajectory(
        id="a", source="real", observation=Observation(messages=()), turns=(turn,), seed=4111111111111111,
        extra={"words": ["a", {"b": 1.5}], "none": None},
    )
    assert privacy.hide_session(session) is session
