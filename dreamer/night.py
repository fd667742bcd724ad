"""One night, one line a stage: from logged sessions to a policy that is better in the real world, or to a refusal.

Each stage is a function from records to a record that is kept in the run folder. A night that was stopped goes on
after the last stage that ended; a night whose environment the gate refuses ends there.
"""

from contextlib import suppress

from dreamer.accreditation import Accreditation, accredit
from dreamer.baselines import Baselines, play_baselines
from dreamer.report import Report, write_report
from dreamer.run import NightOver, Run
from dreamer.stages import (
    Authored,
    Base,
    Logs,
    Rehearsed,
    Update,
    Validated,
    author_environment,
    learn_in_dream,
    make_base,
    read_sessions,
    rehearse_base,
    validate_environment,
)


def dream(run: Run) -> Report:
    """Go through a night, as far as `run.until` and the gate let it."""
    with suppress(NightOver):
        logs = run.stage("read", Logs, read_sessions)
        authored = run.stage("author", Authored, author_environment, logs)
        validated = run.stage("validate", Validated, validate_environment, logs, authored)
        if validated.refusals:
            raise NightOver
        base = run.stage("clone", Base, make_base, logs)
        run.stage("rehearse", Rehearsed, rehearse_base, logs, authored, validated, base)
        update = run.stage("learn", Update, learn_in_dream, logs, authored, validated, base)
        run.stage("evaluate", Accreditation, accredit, logs, base, update)
        run.stage("baselines", Baselines, play_baselines, logs, base, update)
    return write_report(run)
