"""What changes a policy, round by round: what its episodes brought, a teacher who is told more, or those it won."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from dreamer.acting import Policy
from dreamer.learning.cloning import clone
from dreamer.learning.grpo import grpo
from dreamer.learning.training import Metrics, Round
from dreamer.learning.watch import Halted
from dreamer.reading import approved
from dreamer.run import Run
from dreamer.teaching.contexts import Contexts, Examples
from dreamer.teaching.experience import Experiences, Gathered
from dreamer.teaching.lesson import Lesson, lessons
from rollout.engines import Engine
from rollout.episode import Episode, Tokens
from rollout.trajectory import Trajectory

Play = Callable[[int], list[Episode]]  # the episodes of a round, by its number
Learner = Callable[[Play, Callable[[Round], None]], None]  # changes a policy by what is played, and tells of each round


def rewarded(run: Run, policy: Policy, engine: Engine) -> Learner:
    """GRPO, by what the episodes of a round brought."""
    config = run.config
    return lambda play, told: grpo(policy.model, policy.tokenizer, play, lambda: engine.load(policy.model),
                                   config.learning, config.policy, config.seed, told)


def contexts(run: Run, policy: Policy, recalled: Sequence[Trajectory] = ()) -> Contexts:
    """What the configuration wants the teacher to be told.

    Args:
        policy: whose tokens are counted.
        recalled: approved sessions of earlier nights' tasks.
    """
    match run.config.distillation.context:
        case "experience":
            gathered = run.store.load("experience", Gathered)
            assert gathered is not None, "experience is gathered before anyone is told of it"
            return Experiences(gathered.experiences, run.config.seed)
        case "rehearsal":
            played = run.store.load_episodes("rehearsal")
            told = [episode for episode in played if run.succeeded(episode.outcome or 0.0)]
        case _:
            told = approved(run)
    most = run.config.policy.max_length // 2
    return Examples([*told, *recalled], run.succeeded, lambda text: len(policy.chat.say(text)) <= most, run.config.seed)


def taught(run: Run, policy: Policy, engine: Engine, context: Callable[[Trajectory], str]) -> Learner:
    """Self-distillation, from what the base would do who is told more.

    Args:
        context: what the teacher is told of an episode.
    """
    from dreamer.learning.distillation import distil

    def learner(play: Play, told: Callable[[Round], None]) -> None:
        episodes: list[Episode] = []

        def teach(number: int) -> list[Lesson]:
            engine.load(policy.model)
            episodes[:] = play(number)
            return [lesson for episode in episodes
                    for lesson in lessons(episode, policy.chat, context(episode.trajectory))]

        config = run.config
        distil(policy.model, policy.tokenizer, teach, config.learning, config.distillation, config.policy, config.seed,
               lambda done: told(replace(done, episodes=list(episodes))))

    return learner


def imitating(run: Run, policy: Policy) -> Learner:
    """Plain fine-tuning on successes: all rounds are played by the base, and what it won is imitated in the end."""
    config, metrics = run.config, Metrics()

    def learner(play: Play, told: Callable[[Round], None]) -> None:
        won: list[Tokens] = []
        episodes: list[Episode] = []
        for number in range(config.learning.rounds):
            if number:
                told(Round(number - 1, episodes, {}))
            episodes = play(number)
            won += [piece for episode in episodes if run.succeeded(episode.outcome) for piece in episode.pieces]
        if not won:
            raise Halted("no episode was won, so there is nothing to imitate")
        clone(policy.model, policy.tokenizer, won, config.cloning, config.seed,
              lambda step, measured: metrics.update(measured))
        told(Round(config.learning.rounds - 1, episodes, metrics))

    return learner
