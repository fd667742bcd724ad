"""Experience is gathered from sessions, and again from what the policy does while it learns."""

import random
from collections.abc import Sequence
from contextlib import ExitStack

from dreamer.acting import Policy
from dreamer.dreaming import in_dream, tonights
from dreamer.learning.learners import Play
from dreamer.records import Base, Logs, Validated
from dreamer.run import Run
from dreamer.teaching.contexts import TeachingError
from dreamer.teaching.experience import Experience, Experiences, Gathered, Item
from dreamer.teaching.extraction import Extractor, Reader, Statistics
from dreamer.teaching.sifting import sift
from envgen.models.correspondence import Correspondence
from envgen.models.endpoint import Endpoint
from envgen.models.engine import EngineModel
from envgen.models.settings import ModelSettings
from rollout.engines import Sampling
from rollout.episode import Episode
from rollout.rehearsal import Rehearsal
from rollout.trajectory import Trajectory

SEEDS = 700_000_000  # first of the seeds that no learning and no judging uses
REPLY_TOKENS = 256  # of the policy, when it is asked what an episode teaches


def gather_experience(run: Run, logs: Logs, validated: Validated | None, base: Base) -> Gathered:
    """What the shown sessions teach, approved or not; tried in the dream, where there is one.

    Raises:
        TeachingError: they teach nothing.
    """
    policy, sessions = run.policy(base.policy), run.store.load_sessions("shown")
    with ExitStack() as stack:
        rehearsal = None
        if validated is not None:
            world, _ = stack.enter_context(run.dream(validated.worlds, listening=False))
            rehearsal = in_dream(run, logs, policy, world)
        gathered = gather(run, policy, sessions, (), "experience", rehearsal)
    if not any(experience.items for experience in gathered.experiences):
        raise TeachingError(
            f"{gathered.sessions} sessions taught nothing that could be kept ({len(gathered.dropped)} items were "
            "dropped): have more sessions, or choose another experience.extractor or distillation.context"
        )
    return gathered


def gather(run: Run, policy: Policy, sessions: Sequence[Trajectory], known: Sequence[Experience], name: str,
           rehearsal: Rehearsal | None) -> Gathered:
    """Deal the sessions to as many experiences as the configuration wants, and drop what harms.

    Args:
        policy: whose tokens are counted, and who may be asked.
        known: experiences that these go on from.
        name: of the record, and what the ids of rehearsals begin with.
        rehearsal: in the gated dream; without one, nothing is known to harm.
    """
    settings, seed = run.config.experience, f"{run.config.seed}/{name}"
    dealt = list(sessions)
    random.Random(seed).shuffle(dealt)
    parts = [dealt[number :: settings.count][: settings.sessions] for number in range(settings.count)]
    most = min(settings.tokens, run.config.policy.max_length // 2)
    with run.reporter.stage(name, settings.count, "experiences") as bar:
        extractor, experiences = _extractor(run, policy), list[Experience]()
        for number, part in enumerate(parts):
            before = known[number] if number < len(known) else Experience()
            experiences.append(extractor.extract(part, before, lambda text: len(policy.chat.say(text)) <= most))
            bar.advance()
        count, dropped = 0, list[Item]()
        if rehearsal and any(each.items for each in experiences):
            count = settings.rehearsals
            experiences, dropped, episodes = sift(experiences, rehearsal, tonights(run).draw(count, SEEDS), name, seed)
            run.store.save_episodes(name, episodes)
        held = [len(each.items) for each in experiences]
        bar.note(f"{sum(held)} items, {len(dropped)} dropped", items=held, dropped=[item.text for item in dropped])
    return Gathered(
        extractor=settings.extractor.model if isinstance(settings.extractor, ModelSettings) else settings.extractor,
        sessions=sum(map(len, parts)), experiences=tuple(experiences), dropped=tuple(dropped), tried=count,
    )


def _extractor(run: Run, policy: Policy) -> Extractor:
    """The one that the configuration names."""
    settings = run.config.experience.extractor
    match settings:
        case "statistics":
            return Statistics(run.succeeded)
        case "policy":
            sampling = Sampling(run.config.policy.temperature, REPLY_TOKENS)
            return Reader(EngineModel(run.engine(policy), policy.chat, sampling, run.config.policy.max_length).reply)
    folder = run.store.correspondence
    return Reader(Correspondence(Endpoint(settings), folder, settings).ask)


def renewing(run: Run, policy: Policy, told: Experiences, play: Play, rehearsal: Rehearsal) -> Play:
    """Rounds of learning, between which experience is gathered anew, from what the policy did since the last time.

    What harms is tried by the policy as it then is, which by then needs telling less than its teacher does.

    Args:
        told: what the teacher is told; changed.
        play: plays a round.
        rehearsal: in the gated dream.
    """
    times, rounds, lived = run.config.experience.rounds, run.config.learning.rounds, list[Trajectory]()

    def played(number: int) -> list[Episode]:
        time = number * times // rounds
        if number and time > (number - 1) * times // rounds:
            name = f"experience-{time:03d}"
            gathered = gather(run, policy, lived, told.experiences, name, rehearsal)
            run.store.save(name, gathered)
            told.experiences = list(gathered.experiences)
            lived.clear()
        episodes = play(number)
        lived.extend(episode.trajectory for episode in episodes if episode.trajectory.recalls is None)
        return episodes

    return played
