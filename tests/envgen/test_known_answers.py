"""Likelihoods worked out on paper, and the truth of real engines."""

import math

import pytest

from envgen.belief import Belief
from envgen.fidelity import judge
from envgen.gate import Gate
from sandbox import Sandbox
from tests.worlds.engines import engines
from tests.worlds.known import KNOWN
from tests.worlds.source import read


@pytest.mark.parametrize("name", KNOWN)
def test_enumerated_likelihoods_are_those_on_paper(name: str, sandbox: Sandbox) -> None:
    with sandbox.load(read(name)) as worker:
        belief = Belief(worker)
        for session in KNOWN[name].sessions(20, seed=3):
            steps = belief.replay(session)
            assert {step.regime for step in steps} == {"enumerate"}
            found = [-math.log(step.probability) for step in steps]
            assert found == pytest.approx(KNOWN[name].nats(session), abs=1e-9)
    assert belief.lost_mass == 0.0


@pytest.mark.parametrize(("name", "usual"), [
    ("lake_plain", 0.0), ("lake_slippery", 0.0), ("cliff", -1.0), ("taxi", -1.0),
])
def test_a_faithful_source_needs_the_nats_of_the_engines_entropy_and_passes(
    name: str, usual: float, sandbox: Sandbox
) -> None:
    engine = engines()[name]
    shown, held_out = engine.sessions(200, seed=5), engine.sessions(150, seed=6)
    with sandbox.load(read(name)) as worker:
        report = judge(worker, name, shown, held_out, usual)
    entropies = [each for session in held_out for each in engine.entropies(session)]
    nats, calibration = report.figures["nats_per_step"], report.figures["calibration"]
    assert nats.value == pytest.approx(sum(entropies) / len(entropies), abs=0.02)
    assert calibration.value == pytest.approx(0.0, abs=0.02)
    assert (report.undetermined, report.lost_mass) == (0, 0.0)
    assert Gate().refusals(report) == ()
