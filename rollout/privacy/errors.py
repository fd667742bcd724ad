"""What can go wrong in hiding."""

from rollout.errors import UserError


class PrivacyError(UserError):
    """Hiding cannot be done; the message says why and what to do, and never what was to be hidden."""
