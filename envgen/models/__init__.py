"""Environments written by a language model: prompts, replies, and the search for a world that agrees."""
