"""What else the same sessions and time could have bought, played after the judging.

- The clone, greedily: what the recorded agent does most often.
- Cloning alone, for as long as the night took until the judging.
- Other ways to learn from as many dreamed episodes: imitation of those that the base won, and self-distillation.
- GRPO in the real engine for as many episodes as were dreamed: the upper bound.
"""

import time

from dreamer.accreditation.evidence import judge
from dreamer.acting import Policy
from dreamer.curriculum import Curriculum
from dreamer.dreaming import drawn, max_turns, round_name
from dreamer.learning.cloning import clone
from dreamer.learning.learners import rewarded
from dreamer.learning.update import improve
from dreamer.reading import approved
from dreamer.records import Base, Baseline, Baselines, Logs, Update, Validated
from dreamer.run import Run
from dreamer.sections import Method
from dreamer.stages import rehearse_and_learn
from rollout.episode import Episode

OTHERWISE: tuple[Method, ...] = ("imitation", "distillation")
ENDLESS = 1_000_000  # cloning steps, where the clock is what stops it


def play_baselines(run: Run, logs: Logs, validated: Validated | None, base: Base, update: Update) -> Baselines:
    """Those that the configuration asks for."""
    wanted, config, rows = run.config.baselines, run.config, list[Baseline]()
    if config.production is None:
        return Baselines(rows=())

    def judged(name: str, policy: Policy, temperature: float | None = None) -> None:
        rows.append(Baseline(name=name, played=run.summarise(*judge(run, policy, logs, temperature=temperature))))

    if wanted.cloning:
        policy = run.policy(base.policy)
        judged("clone, greedy", policy, temperature=0.0)
        clone_on(run, policy)
        judged("cloning alone, same time", policy)
        judged("cloning alone, same time, greedy", policy, temperature=0.0)
    for method in OTHERWISE:
        if validated and getattr(wanted, method):
            learnt = rehearse_and_learn(run, logs, validated, base, method, f"{method}-")
            judged(f"{method} in the dream", run.policy(learnt.policy))
    if wanted.production:
        policy = run.policy(base.policy)
        learn_for_real(run, logs, policy)
        judged("GRPO in the real engine", policy)
    return Baselines(rows=tuple(rows))


def learn_for_real(run: Run, logs: Logs, policy: Policy) -> Update:
    """The rounds of a night, in the real engine. Changes the policy."""
    world = run.production(run.config.baselines.production_options)
    rehearsal = run.rehearsal(policy, world, max_turns(run, logs), system=logs.system, source="real")
    curriculum, engine = Curriculum([], run.succeeded, run.config.seed), rehearsal.engine

    def play(number: int) -> list[Episode]:
        return rehearsal.play(drawn(run, curriculum, number, run.config.learning.groups), name=round_name(number))

    return improve(run, policy, engine, play, "real", rewarded(run, policy, engine))


def clone_on(run: Run, policy: Policy) -> None:
    """Go on imitating for as long as the whole night took until the judging."""
    config = run.config.cloning.model_copy(update={"steps": ENDLESS})
    shown = [policy.chat.tokens(session) for session in approved(run)]
    began, seconds = time.monotonic(), run.seconds_until_judging
    with run.reporter.stage("cloning", int(seconds), "seconds") as bar:

        def late() -> bool:
            bar.advance(max(0, int(time.monotonic() - began) - bar.done))
            return time.monotonic() - began > seconds

        clone(policy.model, policy.tokenizer, shown, config, run.config.seed, stop=late)
