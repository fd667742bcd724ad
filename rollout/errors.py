"""What a user can mend."""


class UserError(ValueError):
    """Something the user gave cannot be used; the message says what, where, and what to do instead."""
