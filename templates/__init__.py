"""Everything a model or an author reads or fills in, as Jinja templates."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from templates.quoting import Written, finalized, quoted


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("templates", ""), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,  # what is rendered is Python or a prompt, never a page
    )
    environment.filters.update(repr=repr, quoted=quoted)
    return environment


def render(template: str, **values: object) -> str:
    """Fill in a template.

    Args:
        template: path below `templates/`.
        values: everything the template mentions; a missing one raises `jinja2.UndefinedError`.
    """
    return _environment().get_template(template).render(**values)


@cache
def _prompts() -> Environment:
    return _environment().overlay(finalize=finalized)


def prompt(template: str, **values: object) -> Written:
    """Fill in a prompt. Every text among the values is written as a string literal, unless it is `Written`.

    Args:
        template: path below `templates/prompt/`.
        values: everything the template mentions; a missing one raises `jinja2.UndefinedError`.
    """
    return Written(_prompts().get_template(f"prompt/{template}").render(**values))
