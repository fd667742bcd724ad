"""From sessions to an environment: patterns, authors, fidelity."""
