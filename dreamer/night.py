"""One night, one line a stage: from logged sessions to a policy that is better in the real world, or to a refusal.

Each stage is a function from records to a record that is kept in the run folder. A night that was stopped goes on
after the last stage that ended; a night of whose environments the gate refuses all ends there, and so does one whose
teacher does no better for what it is told. Self-distillation turn by turn needs no dream.
"""

from contextlib import suppress

from dreamer.accreditation import Accreditation, accredit
from dreamer.authoring import Authored, Validated, author_environments, validate_environments
from dreamer.baselines import Baselines, play_baselines
from dreamer.experience import Gathered
from dreamer.gap import Gap, gap_in_dream, gap_on_sessions
from dreamer.reading import Logs, read_sessions
from dreamer.report import Report, write_report
from dreamer.run import NightOver, Run
from dreamer.stages import Base, Rehearsed, Update, gather_experience, learn_in_dream, make_base, rehearse_base
from dreamer.turns import distil_sessions


def dream(run: Run) -> Report:
    """Go through a night, as far as `run.until` and the gate let it."""
    with suppress(NightOver):
        logs = run.stage("read", Logs, read_sessions)
        if run.config.dreams:
            authored = run.stage("author", Authored, author_environments, logs)
            validated = run.stage("validate", Validated, validate_environments, logs, authored)
            if not validated.members:
                raise NightOver
            base = run.stage("clone", Base, make_base, logs)
            run.stage("rehearse", Rehearsed, rehearse_base, logs, validated, base)
            if run.config.draws_on_experience:
                run.stage("experience", Gathered, gather_experience, logs, base, validated)
            if run.config.learning.method == "distillation" and run.stage(
                    "gap", Gap, gap_in_dream, logs, validated, base).refusal:
                raise NightOver
            update = run.stage("learn", Update, learn_in_dream, logs, validated, base)
        else:
            base = run.stage("clone", Base, make_base, logs)
            if run.config.draws_on_experience:
                run.stage("experience", Gathered, gather_experience, logs, base)
            if run.stage("gap", Gap, gap_on_sessions, logs, base).refusal:
                raise NightOver
            update = run.stage("learn", Update, distil_sessions, logs, base)
        run.stage("evaluate", Accreditation, accredit, logs, base, update)
        run.stage("baselines", Baselines, play_baselines, logs, base, update)
    return write_report(run)
