"""What turns token ids into more token ids: the policy at work.

Two engines with one interface: `transformers`, in this process and on any machine, and `vllm`, for real models.
"""

from rollout.engines.engine import Completion, Engine, EngineFailure, Sampling, say, say_all
from rollout.engines.transformers import TransformersEngine

__all__ = ["Completion", "Engine", "EngineFailure", "Sampling", "TransformersEngine", "say", "say_all"]
