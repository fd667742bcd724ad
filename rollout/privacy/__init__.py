"""Secrets and personal data in sessions are replaced by tokens, before anything is stored or shown to a model."""

from rollout.privacy.patterns import PrivacyError
from rollout.privacy.privacy import Privacy

__all__ = ["Privacy", "PrivacyError"]
