"""A value has one token wherever it stands, and the key file's owner alone gets everything back."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rollout.privacy import Privacy, PrivacyError
from rollout.privacy.keyfile import TOKEN
from tests.rollout.privacy.samples import HUNTER

ROOT = Path(__file__).parents[3]


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
