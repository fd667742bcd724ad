"""Run folders to look at, made by what a night is made of, without what learns."""

import re
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path

from dreamer.config import Config
from dreamer.records import Authored, Candidate, Judged, Logs, Validated
from dreamer.store import Store
from dreamer.viewer.routes import show
from dreamer.viewer.site import Place, Site
from envgen.author import Environment
from envgen.fidelity import judge
from envgen.patterns import observe, usual_reward
from envgen.support import support
from rollout.figure import Figure
from rollout.trajectory import Trajectory
from sandbox import Sandbox, SandboxError


def judged_night(folder: Path, sources: Sequence[str | Environment], sessions: Sequence[Trajectory]) -> Store:
    """A night whose environments people wrote, as far as their judging: half of the sessions are held out."""
    config = Config.model_validate({"name": folder.name, "folder": folder.parent, "sessions": {"files": ["s.jsonl"]}})
    store = Store.open(folder, config, resume=False)
    half = len(sessions) // 2
    shown, held_out = sessions[half:], sessions[:half]
    for part, kept in (("shown", shown), ("selection", shown[:2]), ("held_out", held_out)):
        store.save_sessions(part, kept)
    store.save_patterns(observe(shown))
    store.save("read", Logs(
        shown=len(shown), selection=2, held_out=half, split=("session", (1, 1, 1)), files={}, rejected=0, approvals={},
        turns=sum(len(each.turns) for each in sessions), longest=max(len(each.turns) for each in sessions),
        usual_reward=usual_reward(sessions), worst_outcome=0.0))
    environments = [Environment(source=source, author=f"by hand, world-{number}.py") if isinstance(source, str)
                    else source for number, source in enumerate(sources)]
    unknown = Figure(value=None, n=0)
    for environment in environments:
        store.save_environment(environment)
    store.save("author", Authored(candidates=tuple(
        Candidate(environment=each.digest, author=each.author, lines=each.lines, states=None, step_probability=unknown,
                  nats_per_step=unknown) for each in environments)))
    with Sandbox() as sandbox:
        judged = tuple(_judged(sandbox, each, store, shown, held_out) for each in environments)
    store.save("validate", Validated(judged=judged, looks=len(judged)))
    return store


def _judged(sandbox: Sandbox, environment: Environment, store: Store, shown: Sequence[Trajectory],
            held_out: Sequence[Trajectory]) -> Judged:
    try:
        with sandbox.load(environment.source, counting=True) as worker:
            report = judge(worker, environment.digest, shown, held_out, usual_reward(shown), comparer=store.comparer)
            counted = support(worker, shown, store.comparer)
        refusals = store.configuration.gate.refusals(report)
    except SandboxError as error:
        report = counted = None
        refusals = (f"the sandbox stopped it: {error}",)
    return Judged(environment=environment.digest, author=environment.author, report=report, refusals=refusals,
                  support=counted)


def bare_night(folder: Path, source: str, sessions: Sequence[Trajectory]) -> Store:
    """A night with an environment that nobody has judged yet."""
    config = Config.model_validate({"name": "bare", "folder": folder, "sessions": {"files": ["s.jsonl"]}})
    store = Store.open(folder / "bare", config, resume=False)
    store.save_sessions("held_out", sessions)
    store.save_patterns(observe(sessions))
    store.save_environment(Environment(source=source, author="by hand, world.py"))
    return store


def only(site: Site, store: Store) -> str:
    """The path of the page of the only environment of a first night, which the site shows from now on."""
    site.folders = [*(each for each in site.folders if each.name != store.root.name), store.root]
    (folder,) = (store.root / "environments").iterdir()
    return f"{store.root.name}/night-001/environments/{folder.name}"


def read(site: Site, path: str, query: Mapping[str, Sequence[str]] | None = None) -> str:
    """What a page says, without its tags and with single spaces."""
    values = query or {}
    status, html = show(site, Place(path, {name: each[-1] for name, each in values.items() if each}, values))
    assert status == 200, html
    return said(html)


def said(html: str) -> str:
    """What some markup says."""
    inline = re.sub(r"</?(?:span|code|b|q|ins|del|a|strong)\b[^>]*>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", inline)).split())
