"""Authored environments, as pages show them: code, revisions, fidelity, and what they dream of a session."""
