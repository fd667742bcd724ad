"""One night, one line a stage: from logged sessions to a policy that is better in the real world, or to a refusal.

Each stage is a function from records to a record that is kept in the run folder. A night that was stopped goes on
after the last stage that ended; a night of whose environments the gate refuses all ends there, and so does one whose
teacher does no better for what it is told. Self-distillation turn by turn needs no dream.
"""

from contextlib import suppress

from dreamer.accreditation.accreditation import accredit
from dreamer.authoring import author_environments, validate_environments
from dreamer.base import make_base
from dreamer.baselines import play_baselines
from dreamer.reading import read_sessions
from dreamer.records import Accreditation, Authored, Base, Baselines, Gap, Logs, Rehearsed, Report, Update, Validated
from dreamer.report import write_report
from dreamer.run import NightOver, Run
from dreamer.stages import learn, rehearse_base
from dreamer.teaching.experience import Gathered
from dreamer.teaching.gap import measure_gap
from dreamer.teaching.gathering import gather_experience


def dream(run: Run) -> Report:
    """Go through a night, as far as `run.until` and the gate let it."""
    with suppress(NightOver):
        logs = run.stage("read", Logs, read_sessions)
        validated = None
        if run.config.dreams:
            authored = run.stage("author", Authored, author_environments, logs)
            validated = run.stage("validate", Validated, validate_environments, logs, authored)
            if not validated.members:
                raise NightOver
        base = run.stage("clone", Base, make_base, logs)
        if validated:
            run.stage("rehearse", Rehearsed, rehearse_base, logs, validated, base)
        if run.config.draws_on_experience:
            run.stage("experience", Gathered, gather_experience, logs, validated, base)
        distils = run.config.learning.method == "distillation"
        if distils and run.stage("gap", Gap, measure_gap, logs, validated, base).refusal:
            raise NightOver
        update = run.stage("learn", Update, learn, logs, validated, base)
        run.stage("evaluate", Accreditation, accredit, logs, base, update)
        run.stage("baselines", Baselines, play_baselines, logs, validated, base, update)
    return write_report(run)
