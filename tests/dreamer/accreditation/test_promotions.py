"""Which policy is promoted: the history, the way back, and what a kill leaves."""

import random
import shutil
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from dreamer.accreditation.promotions import PromotionError, Promotions
from dreamer.config import Config
from dreamer.files import weights_digest
from dreamer.policy import build_tiny, load, save, train_tokenizer
from dreamer.sections import Sessions
from dreamer.store import Store
from tests.dreamer.conftest import DREAM
from tests.dreamer.doors import record


def test_a_rollback_returns_to_what_was_promoted_before_and_forgets_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.promoted is None
    for policy in ("a", "b", "c"):
        store.promote(policy, by="the production engine")
    store.promote("c", by="the production engine")  # a stage that is done again
    assert (store.promoted, store.roll_back("ann"), store.promoted) == ("c", "b", "b")
    store.promote("d", by="bob")
    assert [store.roll_back("ann"), store.roll_back("ann")] == ["b", "a"]
    assert [each.policy for each in store.promotions.history] == ["a", "b", "c", "b", "d", "b", "a"]
    assert [each.by for each in store.promotions.history if each.back] == ["ann"] * 3


@pytest.mark.parametrize(("policies", "words"), [([], "nothing is promoted"), (["a"], "is the first policy")])
def test_where_nothing_was_before_there_is_no_way_back(policies: list[str], words: str) -> None:
    promotions = Promotions()
    for policy in policies:
        promotions = promotions.promote(policy, night=1, by="ann")
    with pytest.raises(PromotionError, match=words):
        promotions.roll_back("ann")


def test_dream_rollback(project: Path, dream: DREAM) -> None:
    code, _, err = dream("rollback", "run")
    assert (code, "not a run folder" in err) == (2, True)
    config = Config(name="doors", folder=project, sessions=Sessions(files=("sessions.jsonl",)))
    store = Store.open(project / "run", config, resume=False)
    assert "nothing is promoted" in dream("rollback", "run")[2]
    store.promote("a", by="ann")
    store.promote("b", by="ann")
    code, out, _ = dream("rollback", "run", "--by", "bob")
    assert (code, out) == (0, "promoted again: run/policies/a\n")
    assert (store.promoted, store.promotions.history[-1].by) == ("a", "bob")


def _promote_for_ever(root: Path, checkpoints: list[Path]) -> None:
    store = Store(root)
    while True:
        for checkpoint in [each for each in checkpoints for _ in range(2)]:  # again, as a stage that is done again does
            digest = store.save_policy(lambda empty, made=checkpoint: shutil.copytree(made, empty, dirs_exist_ok=True))
            store.save_card(digest, "# A card")
            store.promote(digest, by="the production engine")


def _wait_for_another(store: Store) -> None:
    before, late = store.promotions, time.monotonic() + 60
    while store.promotions == before:
        assert time.monotonic() < late
        time.sleep(0.001)


def test_a_kill_at_any_moment_leaves_a_promoted_policy_that_loads(tmp_path: Path) -> None:
    tokenizer, checkpoints = train_tokenizer(record(10), 300), [tmp_path / name for name in "abc"]
    for seed, folder in enumerate(checkpoints):
        save(build_tiny(tokenizer, 1, 16, seed), tokenizer, folder)
    store = Store(tmp_path / "run")
    first = store.save_policy(lambda folder: save(build_tiny(tokenizer, 1, 16, 9), tokenizer, folder))
    store.promote(first, by="ann")
    moments, promoted = random.Random(0), set()
    for kill in range(30):
        if kill % 8 == 0:  # checkpoints that are written for the first time, too
            for folder in (tmp_path / "run" / "policies").iterdir():
                if folder.name != store.promoted:
                    shutil.rmtree(folder)
        child = get_context("fork").Process(target=_promote_for_ever, args=(store.root, checkpoints))
        child.start()
        if kill % 2:  # at any moment of its first promotion, or else after it
            _wait_for_another(store)
        time.sleep(moments.uniform(0.0, 0.05))
        child.kill()
        child.join()
        assert store.promoted is not None
        promoted.add(store.promoted)
        load(store.policy(store.promoted))
        assert weights_digest(store.policy(store.promoted)) == store.promoted
    assert len(promoted) > 1
