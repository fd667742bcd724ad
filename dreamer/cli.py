"""The command line: `dream`.

Results go to stdout, progress to stderr. Exit codes: 0 done, 1 a gate refused, 2 something in the command, the
configuration or the logs is wrong, 130 interrupted.
"""

import getpass
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticSerializationError
from rich.console import Console

from dreamer.config import Config, ConfigError, load
from dreamer.logs import As, approve_sessions, export_logs, import_logs, reveal, show_logs
from dreamer.progress import Reporter
from dreamer.terminal import visible
from envgen.split import By
from rollout.errors import UserError
from sandbox.errors import SandboxError

app = typer.Typer(
    help="Turn an agent's logged sessions into an environment it rehearses in, and into better weights.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
)
RUNS = Path("runs")

ConfigFile = Annotated[Path, typer.Argument(help="A TOML file; see examples/.", show_default=False)]
MaybeConfig = Annotated[
    Path | None, typer.Argument(help="A TOML file; see examples/. Not needed with --resume.", show_default=False)
]
Folder = Annotated[
    Path | None, typer.Option("--run", help="The run folder. [default: runs/NAME-NNN]", show_default=False)
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on after the last stage that ended.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change one setting.")]
Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Go on where the kernel cannot confine authored code.")]


def main() -> None:
    """The entry point."""
    # Threads that wait by spinning make two busy programs on one machine each ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    app()


@contextmanager
def _explained(stopped: str = "nothing that was finished is lost. Go on with --resume") -> Iterator[None]:
    """Every error that a user can cause becomes one message and an exit code.

    Args:
        stopped: what to say after an interruption.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop for either in the same way
    try:
        yield
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except (UserError, SandboxError, OSError) as error:  # the file system is the user's, too
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"error: {visible(str(error))}")
        raise SystemExit(2) from None
    except (KeyboardInterrupt, PydanticSerializationError) as error:
        if not isinstance(error, KeyboardInterrupt) and "KeyboardInterrupt" not in str(error):
            raise
        print(f"stopped; {stopped}", file=sys.stderr)
        raise SystemExit(130) from None


@app.command()
def run(
    config: MaybeConfig = None, folder: Folder = None, resume: Resume = False, settings: Set = None,
    json: Json = False, unsafe: Unsafe = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show stages and costs; run nothing.")] = False,
    nights: Annotated[int | None, typer.Option(
        min=1, help="How many there are to be in the folder, each going on from what those before it promoted. "
                    "[default: 1, or with --watch no end]", show_default=False)] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Wait for new sessions before every night but the first.")
                     ] = False,
) -> None:
    """Dream a night, from the logged sessions to a promoted policy or a refusal; or several."""
    with _explained():
        if dry_run:
            from dreamer.report import plan

            Console().print(plan(_config(config, None, settings), several=watch or (nights or 1) > 1))
        else:
            _night(config, folder, resume, settings, json, unsafe, None, nights or (None if watch else 1), watch)


@app.command()
def distill(config: ConfigFile, folder: Folder = None, resume: Resume = False, settings: Set = None, json: Json = False,
            unsafe: Unsafe = False) -> None:
    """A night without environments: approved sessions teach the policy, by what it would do if it had seen others."""
    by_turn = ['learning.method="distillation"', 'distillation.unit="turn"']
    with _explained():
        _night(config, folder, resume, [*(settings or []), *by_turn], json, unsafe, until=None)


def _verb(stage: str) -> Callable[..., None]:
    def verb(config: ConfigFile, folder: Folder = None, settings: Set = None, json: Json = False,
             unsafe: Unsafe = False) -> None:
        with _explained():
            _night(config, folder, False, settings, json, unsafe, until=stage)

    return verb


for _stage, _summary in (
    ("learn", "Rehearse and update (again)."),
    ("evaluate", "Judge the candidate: in the production engine, or by new sessions of it and of the base (again)."),
):
    app.command(_stage, help=f"{_summary} Earlier stages are done if they are not yet; later ones are taken back.")(
        _verb(_stage)
    )


@app.command()
def rehearse(
    target: Annotated[Path, typer.Argument(metavar="CONFIG|ENV.py", help="A night's TOML file, or an environment.",
                                           show_default=False)],
    policy: Annotated[str | None, typer.Option(help="A checkpoint's folder, or its name on the Hugging Face hub.",
                                               show_default=False)] = None,
    episodes: Annotated[int | None, typer.Option(help="How many. [default: 256]", show_default=False)] = None,
    to: Annotated[Path | None, typer.Option(help="Where episodes and figures are written.",
                                            show_default=False)] = None,
    engine: Annotated[str | None, typer.Option(help="transformers or vllm. [default: transformers]",
                                               show_default=False)] = None,
    sessions: Annotated[list[str] | None, typer.Option(
        metavar="LOGS", help="Steps beyond what these logs exercise are imagined; repeatable. Without it none are.",
        show_default=False)] = None,
    success: Annotated[float | None, typer.Option(
        help="Outcomes from which on an episode is a success. [default: above zero]", show_default=False)] = None,
    format: As = None, folder: Folder = None, settings: Set = None, json: Json = False, unsafe: Unsafe = False,
) -> None:
    """Play the base policy in the dream (again); or any policy in any environment.

    Of a night's file, earlier stages are done if they are not yet; later ones are taken back.
    """
    with _explained("every episode that ended is kept. The same command goes on from there"):
        if target.suffix != ".py":
            if any(given is not None for given in (policy, episodes, to, engine, sessions, success)):
                raise ConfigError(f"{target} is a night's file, which says who plays what; change it with --set")
            _night(target, folder, False, settings, json, unsafe, until="rehearse")
            return
        if policy is None or to is None:
            raise ConfigError(f"name who plays, and where to: dream rehearse {target} --policy CHECKPOINT --to FOLDER")
        from dreamer.performance import show_performance
        from dreamer.rehearsing import rehearse as play
        from dreamer.terms import settings_of

        _quiet_transformers()
        chosen = settings_of(policy, engine, episodes, success, settings or [])
        reporter = Reporter(lambda event: None, Console(stderr=True))
        performance = play(target, chosen, sessions or [], format, to, unsafe, reporter)
        show_performance(performance, Console(stderr=json))
        if json:
            print(performance.model_dump_json(indent=2))


@app.command()
def author(
    targets: Annotated[list[str], typer.Argument(
        metavar="CONFIG|SESSIONS…", help="A night's TOML file, or the logs that a model writes a world of.",
        show_default=False)],
    model: Annotated[str | None, typer.Option(help="The model that writes, by its name at the endpoint.",
                                              show_default=False)] = None,
    base_url: Annotated[str | None, typer.Option(help="Of any OpenAI-compatible endpoint. [default: OpenAI's]",
                                                 show_default=False)] = None,
    calls: Annotated[int | None, typer.Option(help="Most calls of the model. [default: 12]",
                                              show_default=False)] = None,
    to: Annotated[Path, typer.Option(help="Where worlds and report are written.")] = Path("authored"),
    replies: Annotated[Path | None, typer.Option(help="Where prompts and replies are kept. [default: in --to]",
                                                 show_default=False)] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Ask nobody: take the replies that are kept.")] = False,
    withhold: Annotated[bool, typer.Option(
        "--withhold", help="Show openings and actions only: what the model then writes it remembers.")] = False,
    split: Annotated[By | None, typer.Option(
        help="What stays on one side when the sessions are divided. [default: tasks where there are ten, else starts, "
             "else sessions]", show_default=False)] = None,
    format: As = None, folder: Folder = None, settings: Set = None, json: Json = False, unsafe: Unsafe = False,
) -> None:
    """Write environments: a night's (again), or by a model of any logs. --set KEY=VALUE sets more of the model."""
    with _explained("what was asked is kept. The same command goes on from there"):
        if model is None:
            if len(targets) > 1 or not targets[0].endswith(".toml"):
                raise ConfigError(f"name the model that writes: dream author {' '.join(targets)} --model NAME")
            _night(Path(targets[0]), folder, False, settings, json, unsafe, until="author")
            return
        from dreamer.commission import commission, settings_of, show_commission

        chosen = settings_of(model, base_url, calls, not withhold, settings or [])
        report = commission(targets, format, chosen, to, replies or to / "replies", replay, unsafe, split)
        show_commission(report, to, Console(stderr=json))
        if json:
            print(report.model_dump_json(indent=2))
    if report.refusals:
        raise typer.Exit(1)


@app.command()
def validate(
    target: Annotated[Path, typer.Argument(metavar="CONFIG|ENV.py", help="A night's TOML file, or an environment.",
                                           show_default=False)],
    sessions: Annotated[list[str] | None, typer.Argument(help="Of an environment: the logs to judge it on.",
                                                         show_default=False)] = None,
    format: As = None,
    patterns: Annotated[bool, typer.Option(help="Compare answers as the sessions' patterns say.")] = False,
    folder: Folder = None, settings: Set = None, json: Json = False, unsafe: Unsafe = False,
) -> None:
    """Judge an environment on held-out sessions: a night's (again), or any file against any logs."""
    with _explained():
        if target.suffix != ".py":
            _night(target, folder, False, settings, json, unsafe, until="validate")
            return
        if not sessions:
            raise ConfigError(f"name the logs to judge it on: dream validate {target} sessions.jsonl")
        from dreamer.validation import show_fidelity
        from dreamer.validation import validate as judge_file

        report = judge_file(target, sessions, format, patterns, unsafe)
        refusals = show_fidelity(report, Console(stderr=json))
        if json:
            print(report.model_dump_json(indent=2))
    if refusals:
        raise typer.Exit(1)


def _night(config_file: Path | None, folder: Path | None, resume: bool, settings: list[str] | None, json: bool,
           unsafe: bool, until: str | None, nights: int | None = 1, watch: bool = False) -> None:
    from dreamer.files import StoreError
    from dreamer.nights import dream_nights
    from dreamer.report import show
    from dreamer.store import latest_folder, next_folder

    if config_file is None and folder is None and resume:
        folder = latest_folder(RUNS)
    config = _config(config_file, folder, settings)
    if folder is None and (resume or until):
        folder = latest_folder(RUNS, config.name)
    if folder is None and resume:
        raise StoreError(f"{RUNS}/ holds no run to go on with; run without --resume first")
    folder = folder or next_folder(RUNS, config.name)
    if until is not None:  # a stage verb goes on with what there is
        resume = (folder / "config.json").exists()
    _quiet_transformers()
    for run, report in dream_nights(config, folder, resume, nights, watch, until, unsafe):
        if json:
            print(report.model_dump_json(indent=2), flush=True)
        else:
            show(run, report, Console())
    if report.verdict == "refused":
        raise typer.Exit(1)


def _quiet_transformers() -> None:
    """What a library has to say goes to its own developers; progress is ours."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _config(file: Path | None, folder: Path | None, settings: list[str] | None) -> Config:
    """The configuration of a file, or of the run folder that is gone on with."""
    from dreamer.store import Store

    if file is not None:
        return load(file, settings or [])
    if folder is None or settings:
        raise ConfigError("name a configuration, such as examples/frozen_lake/night.toml")
    return Store.config(folder)


for _name, _command in (("import", import_logs), ("export", export_logs), ("patterns", show_logs),
                        ("approve", approve_sessions), ("reveal", reveal)):
    app.command(_name)(_explained("what was decided is kept; no file was half written")(_command))


@app.command()
def rollback(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    by: Annotated[str | None, typer.Option(help="Who decides. [default: you]", show_default=False)] = None,
) -> None:
    """Return to the policy that was promoted before."""
    from dreamer.store import Store

    with _explained():
        Store.config(run)
        store = Store(run)
        print(f"promoted again: {store.policy(store.roll_back(by or getpass.getuser()))}")


@app.command()
def view(
    folders: Annotated[list[Path] | None, typer.Argument(
        metavar="RUN…", help="Run folders, or folders of runs. [default: runs]", show_default=False)] = None,
    export: Annotated[Path | None, typer.Option(help="Write the pages into this folder instead.",
                                                show_default=False)] = None,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 7860,
    unsafe: Unsafe = False,
) -> None:
    """Look at what was dreamed, and at where the dream is wrong, in a browser."""
    with _explained("the runs are as they were"):
        if export is None:
            from dreamer.viewer.serving import serve

            serve(folders or [RUNS], host, port, unsafe, Console())
        else:
            from dreamer.viewer.export import write_site

            write_site(folders or [RUNS], export, unsafe, Console(stderr=True))


@app.command()
def doctor(json: Json = False) -> None:
    """Say whether this machine has what a night needs."""
    from dreamer.doctor import examine, show_examination

    checks = examine()
    show_examination(checks, json)
    if any(not check.ok and check.needed for check in checks):
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
