"""The stage that reads sessions: completed, approved, hidden where wanted, divided, and their patterns found."""

import os
from collections import Counter

from dreamer.approval import Ledger, approve
from dreamer.past import own_sessions
from dreamer.records import Logs
from dreamer.run import Run
from envgen.ends import infer_ends
from envgen.patterns import observe, usual_reward
from envgen.split import split
from rollout.log import SessionError
from rollout.sessions import Summary, read, with_outcome
from rollout.trajectory import Message, Trajectory


def with_system(session: Trajectory, system: str | None) -> Trajectory:
    """A session whose log left out the system prompt, with it."""
    if system is None or session.system is not None:
        return session
    return session.model_copy(update={"system": Message(role="system", content=system)})


def read_sessions(run: Run) -> Logs:
    """Read, complete and divide the logged sessions, and those of promoted policies.

    What keeps sessions together when they are divided is decided in the first night, unless the configuration says it,
    so that what was held out stays so.
    """
    config = run.config.sessions
    before = [logs.split[0] for night in run.store.earlier if (logs := night.load("read", Logs))]
    names = ", ".join(config.files)
    ledger = Ledger(run.config.folder / config.ledger)
    typed = " ".join(os.path.relpath(run.config.folder / file) for file in config.files)  # as one would type them
    book = os.path.relpath(ledger.path)
    with run.reporter.stage("read", unit="sessions") as bar:
        logged = []
        for session in read(config.files, run.config.folder, config.format, summary := Summary()):
            logged.append(with_outcome(session))
            bar.advance()
        run.store.save_read(session.id for session in logged)
        tasks = {session.observation.text: session.task for session in logged if session.task}
        logged += own_sessions(run, tasks)
        kept, rejected = approve(logged, ledger, config.approve)
        if not kept:
            raise SessionError(names, None, "every session is rejected", f"See {ledger.path}")
        sessions, inferred = infer_ends(kept)
        sessions = [with_system(session, config.system) for session in sessions]
        if run.privacy:  # twice, for a value that is found in one session may stand unnoticed in an earlier one
            for session in sessions:
                run.privacy.learn(session)
            sessions = [run.privacy.hide_session(session) for session in sessions]
        try:
            parts = split(sessions, config.selection, config.held_out, config.split or next(iter(before), None))
        except ValueError as error:
            raise SessionError(names, None, str(error), "Record more sessions, or set sessions.split") from None
        approvals = Counter(session.approval for session in parts.shown if session.approval)
        if run.config.policy.model == "tiny" and not approvals:
            raise SessionError(
                names, None, f"none of {len(parts.shown)} shown sessions may train, and there is no policy but theirs",
                f"Approve some (`dream approve {typed} --where 'outcome >= 1' --ledger {book}`), "
                'or set sessions.approve = "all"',
            )
        for name in ("shown", "selection", "held_out"):
            run.store.save_sessions(name, getattr(parts, name))
        turns = sum(len(session.turns) for session in sessions)
        bar.note(f"{turns:,} turns", sessions=len(sessions), turns=turns)
    with run.reporter.stage("patterns", len(parts.shown), "sessions") as bar:
        patterns = observe(parts.shown, inferred, config.success)
        run.store.save_patterns(patterns)
        forms = len(patterns.actions.forms), len(patterns.observations.forms)
        bar.note(f"{forms[0]} forms of actions, {forms[1]} of observations", actions=forms[0], observations=forms[1])
    for line in summary.left_out():
        run.reporter.say(line)
    files = Counter(session.pointer.file for session in sessions if session.pointer)
    return Logs(
        shown=len(parts.shown), selection=len(parts.selection), held_out=len(parts.held_out),
        split=(parts.by, parts.groups), files=dict(files), rejected=rejected, approvals=dict(approvals),
        turns=turns, longest=max(len(session.turns) for session in sessions), usual_reward=usual_reward(sessions),
        worst_outcome=min((session.outcome for session in sessions if session.outcome is not None), default=0.0),
        system=next((session.system.text for session in sessions if session.system), None),
    )


def approved(run: Run) -> list[Trajectory]:
    """The shown sessions whose actions may train."""
    return [session for session in run.store.load_sessions("shown") if session.approval]
