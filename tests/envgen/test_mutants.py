"""The gate against worlds that are wrong in ways which held-out sessions reveal, and against the truth."""

import pytest

from envgen.fidelity import judge
from envgen.gate import Gate
from envgen.patterns import usual_reward
from sandbox import Sandbox, SandboxError
from tests.worlds import mutation, recorded
from tests.worlds.oracle import Oracle
from tests.worlds.source import read

WORLDS = ("coin", "lake_plain", "lake_slippery", "mastermind", "shop", "vending")
SESSIONS = 120
EVERY = 6  # of the mutants


@pytest.mark.slow
def test_the_truth_passes_and_nine_in_ten_of_what_a_replay_reveals_are_refused(sandbox: Sandbox) -> None:
    """Asked for are 95 in 100; this sample is too small to tell the two apart."""
    revealed, missed = 0, list[str]()
    for world in WORLDS:
        shown, held_out = recorded.sessions(world, SESSIONS, 2), recorded.sessions(world, SESSIONS, 1)
        usual = usual_reward(shown)

        def refused(source: str, world: str = world, usual: float = usual, shown=shown, held_out=held_out) -> bool:
            try:
                with sandbox.load(source) as worker:
                    return bool(worker.check() or Gate().refusals(judge(worker, world, shown, held_out, usual)))
            except SandboxError:
                return True

        assert not refused(read(world)), world
        oracle = Oracle(read(world), held_out)
        for mutant in mutation.mutants(world)[::EVERY]:
            if "step" in oracle.judge(mutant.source).by:
                revealed += 1
                missed += [] if refused(mutant.source) else [mutant.name]
    assert revealed >= 40
    assert len(missed) <= 0.1 * revealed, missed
