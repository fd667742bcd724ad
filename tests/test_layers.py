"""Who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELOW: dict[str, set[str]] = {
    "sandbox": set(),
    "templates": set(),
    "rollout": {"sandbox"},
    "envgen": {"rollout", "sandbox", "templates"},
    "dreamer": {"envgen", "rollout", "sandbox", "templates"},
}


@pytest.mark.parametrize("package", BELOW)
def test_packages_import_only_what_lies_below_them(package: str) -> None:
    imported = {
        name.split(".")[0]
        for file in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in _names(node)
    }
    assert imported & BELOW.keys() - {package} <= BELOW[package]


def test_whoever_only_reads_starts_without_torch() -> None:
    code = ("import sys, rollout.sessions, dreamer.records, dreamer.config, dreamer.cli, dreamer.viewer.serving; "
            "print('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "False\n"


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module]
    return []
