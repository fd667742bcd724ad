"""Rendering: nothing is left out silently."""

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from templates import render


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="undefined"):
        render("environment/automaton.py.jinja", name="World")


def test_a_template_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(TemplateNotFound, match=r"nothing\.jinja"):
        render("environment/nothing.jinja")
