"""What must be fast or faithful, measured side by side with what one would use instead."""

import json
from collections.abc import Mapping

from rollout.figure import Figure


def show(figures: Mapping[str, Figure], as_json: bool) -> None:
    """Print figures: as one JSON object, or a line each."""
    if as_json:
        print(json.dumps({"figures": {name: figure.model_dump() for name, figure in figures.items()}}, indent=2))
    else:
        for name, figure in figures.items():
            print(f"{name}: {figure}{'' if figure.holds is None else ' holds' if figure.holds else ' FAILS'}")
