"""The policy that a night begins with: what earlier nights promoted, a model by name, or a clone of who acted."""

from dreamer.card import card
from dreamer.config import ConfigError
from dreamer.learning.cloning import clone
from dreamer.policy import build_tiny, save, train_tokenizer
from dreamer.policy import load as load_checkpoint
from dreamer.reading import approved
from dreamer.records import Base, Logs
from dreamer.run import Run
from rollout.chat import Chat


def make_base(run: Run, logs: Logs) -> Base:
    """What earlier nights promoted; in the first, the configuration's model, or a clone of who left the sessions."""
    policy, origin = run.config.policy, run.store.beginning
    if origin is None and policy.model == "tiny":
        return clone_sessions(run, logs)
    source = run.config.checkpoint if run.beginning is None else run.store.policy(run.beginning)
    model, tokenizer = load_checkpoint(source)
    if Chat(tokenizer, policy.keep_reasoning).strips and run.config.learning.method != "distillation":
        raise ConfigError(
            f"the chat template of {policy.model!r} drops the reasoning of earlier turns, so an episode is no sequence "
            "that GRPO could learn from; set policy.keep_reasoning = true"
        )
    digest = run.beginning or run.store.save_policy(lambda folder: save(model, tokenizer, folder))
    if digest != origin:
        run.store.save_card(digest, card(run, logs, base=origin or policy.model))
    return Base(policy=digest, origin=origin, parameters=model.num_parameters(), cloned_steps=0, loss=None)


def clone_sessions(run: Run, logs: Logs) -> Base:
    """A tiny policy that imitates the approved sessions."""
    config, seed = run.config, run.config.seed
    shown = approved(run)
    tokenizer = train_tokenizer(shown, config.policy.vocabulary, config.policy.phrases)
    chat = Chat(tokenizer)
    model = build_tiny(tokenizer, config.policy.layers, config.policy.hidden, seed)
    losses: list[float] = []
    with run.reporter.stage("clone", config.cloning.steps, "steps") as bar:

        def told(step: int, metrics: dict[str, float]) -> None:
            if "loss" in metrics:
                losses.append(metrics["loss"])
                bar.advance()
                bar.note(f"loss {losses[-1]:.3f}", loss=losses[-1])

        clone(model, tokenizer, [chat.tokens(session) for session in shown], config.cloning, seed, told)
    digest = run.store.save_policy(lambda folder: save(model, tokenizer, folder))
    run.store.save_card(digest, card(run, logs, cloned_steps=config.cloning.steps))
    return Base(policy=digest, parameters=model.num_parameters(), cloned_steps=config.cloning.steps, loss=losses[-1])
