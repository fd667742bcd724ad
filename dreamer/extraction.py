"""Who says what sessions teach."""


def lesson(observation: str, action: str, helps: bool) -> str:
    """What an action brings after an observation, in one line."""
    return f"{' '.join(observation.split())} > {action}: {'success' if helps else 'failure'}"
