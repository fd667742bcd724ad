"""What a night came to: figures with counts and intervals, for a person and for a program."""

from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import BaseModel
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from dreamer.budget import budget
from dreamer.config import Config, ConfigError
from dreamer.policy import adapters
from dreamer.records import (
    Accreditation,
    Authored,
    Base,
    Baselines,
    Candidate,
    Gap,
    Judged,
    Logs,
    Played,
    Rehearsed,
    Report,
    Update,
    Validated,
)
from dreamer.run import Run
from dreamer.store import Store, stages
from dreamer.teaching.experience import Gathered
from envgen.fidelity import FidelityReport
from envgen.models.settings import POLICY
from rollout.figure import Figure

FIDELITY = ("step_probability", "changed_step_probability", "novel_step_probability", "episode_match", "reward_f1",
            "end_f1", "contradicted", "faults", "nats_per_step", "nats_over_counts", "calibration",
            "frequencies_off", "reset_match", "reset_surprise", "reset_novelty", "entry_contradicted", "forgets")


def write_report(run: Run) -> Report:
    """Put the records of a night together, keep the report and return it."""
    records = run.records
    figures: dict[str, Figure] = {}
    curves: dict[str, tuple[float, ...]] = {}
    environments: dict[str, tuple[str, ...]] = {}
    verdict: Literal["promoted", "refused", "stopped"] = "stopped"
    reason, policy = f"stopped after {run.until}", None
    for record in records.values():
        match record:
            case Validated():
                environments = {each.environment: each.refusals for each in record.judged}
                if record.best.report:
                    figures |= {f"fidelity_{name}": figure for name, figure in record.best.report.figures.items()}
                figures["members"] = Figure(value=len(record.members), n=len(record.judged), unit="environments")
                figures["held_out_looks"] = Figure(value=record.looks, n=record.looks, unit="environments")
                if not record.members:
                    refused = "; ".join(record.best.refusals)
                    verdict, reason = "refused", f"the gate refuses the environment: {refused}"
            case Rehearsed():
                figures["dream_success_before"] = record.played.success
                if record.played.disagreement:
                    figures["disagreement"] = record.played.disagreement
            case Gathered():
                items = [item.text for experience in record.experiences for item in experience.items]
                figures["experience_items"] = Figure(value=len(set(items)), n=record.sessions, unit="items")
                figures["experience_dropped"] = Figure(value=len(record.dropped), n=record.tried, unit="items")
            case Gap():
                figures["privileged_gap"] = record.gain
                if record.refusal:
                    verdict, reason = "refused", record.refusal
            case Update():
                policy = str(run.store.policy(record.policy))
                figures["episodes_rehearsed"] = Figure(value=record.episodes, n=record.episodes, unit="episodes")
                told = {name: tuple(getattr(each, name) for each in record.rounds)
                        for name in ("success", "divergence", "engine_difference", "engine_difference_most")}
                curves = {name: values for name, values in told.items() if values and None not in values}
                if most := curves.get("engine_difference_most"):
                    figures["engine_difference_most"] = Figure(value=max(most), n=len(most), unit="nats")
                figures["episodes_per_second"] = Figure(value=record.episodes_per_second, n=record.episodes, unit="1/s")
            case Accreditation():
                verdict, reason = ("promoted" if record.promoted else "refused"), record.reason
                if record.evidence:
                    figures["real_success_before"] = record.evidence.before.success
                    figures["real_success_after"] = record.evidence.after.success
                    figures["real_outcome_gain"] = record.evidence.gain
                figures |= {"promoted_kl": record.promoted_kl, "original_kl": record.original_kl}
                figures |= {f"retained: {task.name}": task.change for task in record.retained.tasks}
                figures |= {f"retained: {text.name}": text.change for text in record.retained.texts}
                figures["real_steps_before_judging"] = Figure(value=record.real_steps_before, n=1, unit="steps")
            case Baselines():
                figures |= {f"baseline: {row.name}": row.played.success for row in record.rows}
    figures["night_seconds"] = Figure(value=run.seconds_until_judging, n=1, unit="s")
    report = Report(verdict=verdict, reason=reason, figures=figures, curves=curves, run=str(run.store.root),
                    night=run.store.night, seed=run.config.seed, environments=environments, policy=policy)
    run.store.save_report(report, over=verdict != "stopped")
    return report


def show(run: Run, report: Report, console: Console) -> None:
    """The report as a table."""
    title = f"{run.config.name}, night {report.night}, seed {report.seed}: {report.verdict}"
    table = Table(title=title, title_style="bold", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for record in run.records.values():
        for name, value in _rows(record):
            table.add_row(escape(name), escape(value))
    table.add_row(report.verdict, escape(report.reason))
    split = next((record.split[0] for record in run.records.values() if isinstance(record, Logs)), "session")
    console.print(Group(table, Text(_next_steps(report, split, run.store))))


def _rows(record: BaseModel) -> list[tuple[str, str]]:
    match record:
        case Logs():
            total = record.shown + record.selection + record.held_out
            rejected = f", {record.rejected:,} rejected" if record.rejected else ""
            return [("sessions", f"{total:,} ({record.turns:,} turns{rejected}): {record.shown:,} shown, "
                                 f"{record.selection:,} to choose, {record.held_out:,} held out, by {record.split[0]}"),
                    ("approved to train", f"{sum(record.approvals.values()):,} of {record.shown:,} shown")]
        case Authored():
            return [("drafts", "by nats a step of the sessions to choose by"),
                    *((f"  {each.environment}", _candidate(each)) for each in record.candidates),
                    *(("  rejected", text) for text in record.rejected)]
        case Validated():
            told = (f"environments judged on them so far, over all nights: {record.looks:,}; "
                    f"of {len(record.judged)} now {len(record.members)} passed")
            return [("held-out sessions", told), *chain.from_iterable(map(_judged, record.judged)),
                    *(_fidelity(record.best, record.best.report) if record.best.report else [])]
        case Base():
            return [("base policy", f"{record.parameters:,} parameters, {record.cloned_steps} steps of cloning")]
        case Rehearsed():
            warnings = [("  warning", text) for text in record.warnings]
            return [("dream success before", _played(record.played)), *_disagreement(record.played.disagreement),
                    *warnings]
        case Gap():
            return [("teacher, not told and told", f"{record.bare}, {record.told}, in {record.measured}"),
                    ("  gained by its context", f"{record.gain} {record.gain.unit}")]
        case Update():
            stopped = [("  stopped", record.stopped)] if record.stopped else []
            if not record.rounds:
                return stopped
            last = record.rounds[-1]
            what = "actions" if last.success is None else "episodes"
            return [
                ("learned from", f"{record.episodes:,} {what}, {record.episodes_per_second:,.0f} a second, "
                              f"{len(record.rounds)} rounds in {record.seconds:.0f} s"),
                *([] if last.engine_difference_most is None else
                  [("  engine against trainer",
                    f"at most {max(each.engine_difference_most or 0 for each in record.rounds):.2g} nats a token")]),
                *([] if last.success is None else
                  [("dream success, last round", f"{last.success:.3f} (imagined steps {last.imagined_share:.3f})")]),
                *([] if last.divergence is None else
                  [("teacher and student", f"{record.rounds[0].divergence:.3f} nats a token apart in the first round, "
                                           f"{last.divergence:.3f} in the last")]),
                *_disagreement(last.disagreement), *stopped,
            ]
        case Accreditation():
            return _judging(record)
        case Baselines():
            return [(f"  {row.name}", _played(row.played)) for row in record.rows]
        case _:
            return []


def _judging(record: Accreditation) -> list[tuple[str, str]]:
    evidence = record.evidence
    return [
        ("real steps before judging", str(record.real_steps_before)),
        *([("real success before", _played(evidence.before)), ("real success after", _played(evidence.after))]
          if evidence else []),
        ("nats a token from the promoted policy", str(record.promoted_kl)),
        ("  from the original policy", str(record.original_kl)),
        *((f"kept: {each.name}", f"{each.before} → {each.after}, changed by {each.change}")
          for each in record.retained.tasks),
        *((f"kept: {each.name}", f"more nats a token by {each.change}") for each in record.retained.texts),
    ]


def _candidate(candidate: Candidate) -> str:
    states = "" if candidate.states is None else f"{candidate.states} states, "
    return f"{candidate.author}: {states}{candidate.lines} source lines, {candidate.nats_per_step}"


def _judged(judged: Judged) -> list[tuple[str, str]]:
    if judged.refusals:
        return [(f"  refused {judged.environment}", text) for text in judged.refusals]
    elements = len(judged.support.lines) if judged.support else 0
    vouched = f"{len(judged.vouched):,} of {elements:,} branches and table entries vouched for"
    return [(f"  member {judged.environment}", vouched)]


def _fidelity(judged: Judged, report: FidelityReport) -> list[tuple[str, str]]:
    figures = report.figures
    references = f"identity {figures['identity_step_probability']}, counts {figures['counts_step_probability']}"
    chance = ", ".join(f"{count:,} {regime}" for regime, count in report.regimes.items())
    rows = [(f"  {name}", str(figures[name])) for name in FIDELITY]
    return [("held-out fidelity", f"of {judged.environment}"), *rows, ("  step_probability of references", references),
            ("  steps by how chance was found", f"{chance}; {report.undetermined:,} not met"),
            *(("  not compared", f"{count:,} answers, {of}") for of, count in report.not_compared.items()),
            *(("  compared otherwise", text) for text in report.compared),
            *(("  goes wrong", str(kind)) for kind in report.counterexamples[:3]),
            *(("  comes too often or seldom", str(each)) for each in report.frequencies[:3])]


def _disagreement(nats: Figure | None) -> list[tuple[str, str]]:
    return [("  disagreement of the members", f"{nats} nats a step, chance included")] if nats else []


def _played(played: Played) -> str:
    return f"{played.success}, {played.turns:.1f} turns, outcome {played.outcome.value:.3f}"


def _next_steps(report: Report, split: str, store: Store) -> str:
    steps = [f"everything is in {store.root}/ (report.json, environments/, policies/, {store.folder.name}/)",
             f"look at it: dream view {store.root}"]
    if report.verdict == "promoted":
        steps.append(f"next: {_loading(Path(report.policy or ''))}")
    elif report.verdict == "refused" and "privileged_gap" in report.figures and report.policy is None:
        steps.append("next: tell the teacher something else (distillation.context), or learn by learning.method = "
                     '"grpo"')
    elif report.verdict == "refused" and report.policy is None:
        steps.append(f"next: read the mismatches in {store.folder}/validate.json, or record more sessions")
        if split != "session":
            steps.append(f"it was judged on {split}s that no author saw; the embedded author copies what it saw, and "
                         'sessions.split = "session" judges it on that')
    elif report.verdict == "refused":
        steps.append("next: raise learning.rounds and dream learn; or name a [production] engine, or let base and "
                     f"candidate both work, and dream evaluate; or, if it convinces you, dream approve {store.root}")
    return "\n".join(steps)


def _loading(policy: Path) -> str:
    """How a checkpoint is loaded: adapters on the model that they belong to."""
    base, rank = adapters(policy)
    if rank is None:
        return f'AutoModelForCausalLM.from_pretrained("{policy}")'
    return f'PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{base}"), "{policy}")'


def _generated(config: Config, episodes: int) -> str:
    """At most: every action as long as it may be, where the number of actions is known."""
    policy, turns = config.policy, config.learning.max_turns
    most = policy.max_length if turns is None else min(turns * policy.action_tokens, policy.max_length)
    return f"{episodes * most:,}"


def plan(config: Config, several: bool = False) -> Table:
    """What a night would do, and roughly what it costs; runs nothing.

    Args:
        several: whether other nights follow.
    """
    learning, episodes = config.learning, config.learning.rounds * config.learning.groups * config.learning.episodes
    judged = 2 * config.production.episodes if config.production else 0
    drafts = ["automaton, up to 4 drafts"] if config.author.automaton else []
    if model := config.author.model:
        name = config.policy.model if model.model == POLICY else model.model
        drafts.append(f"{name}, at most {model.calls} calls of about {model.length:,} tokens")
    work = {
        "read": ", ".join(config.sessions.files),
        "author": "; ".join((*config.author.files, *drafts)),
        "validate": f"{config.sessions.held_out:.0%} of the sessions, the best {config.author.members} drafts",
        "clone": f"{config.cloning.steps} steps of {config.cloning.batch} sessions"
        if config.policy.model == "tiny" else f"nothing: {config.policy.model}",
        "rehearse": f"{config.rehearsal.episodes:,} episodes",
        "experience": f"{config.experience.count} experiences of at most {config.experience.sessions} sessions each"
                      + (f", {2 * config.experience.rehearsals:,} episodes with and without their items"
                         if config.dreams else ""),
        "gap": f"{config.distillation.gap:,} {'episodes' if config.dreams else 'held-out sessions'} without and with "
               f"what the teacher is told: {config.distillation.context}",
        "learn": f"{learning.rounds} rounds of {learning.groups} × {learning.episodes}: {episodes:,} "
                 f"{'episodes' if config.dreams else 'single actions'}, at most "
                 f"{episodes * config.policy.max_length:,} tokens read, {_generated(config, episodes)} of them written",
        "evaluate": f"{judged:,} episodes in {config.production.engine}" if config.production else "nothing: refused",
        "baselines": ", ".join(name for name in ("cloning", "production") if getattr(config.baselines, name)) or "none",
    }
    if several:
        work["clone"] += "; in later nights nothing: the policy that was promoted"
        work["learn"] += f"; {config.nights.replay:.0%} of the groups of later nights are earlier nights' tasks"
    try:
        memory = budget(config).rows()
    except ConfigError as error:
        memory = [("card", str(error))]
    table = Table(title=f"{config.name}: the stages of {'each' if several else 'a'} night", title_style="bold")
    for column in ("stage", "work"):
        table.add_column(column)
    for stage in stages(config):
        table.add_row(stage, escape(work[stage]))
    table.add_section()
    for name, what in memory:
        table.add_row(name, escape(what))
    return table
