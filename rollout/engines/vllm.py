"""vLLM as the engine, in this process: continuous batching, paged memory, prefixes read once.

The synchronous `LLMEngine` is driven step by step, so that weights are handed over in memory and episodes join and
leave at every token. The first tokens after every change of weights are checked against the model that they came from:
a tensor that was lost on the way (tied embeddings are the usual one) shows at once, not in a strange learning curve.

Left out: several cards, and engines in other processes (`AsyncLLM`), whose weights would go by way of a file.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from rollout.engines.engine import Completion, EngineFailure, Sampling, say

PROBE = 16  # tokens read and said when weights are compared
TOLERANCE = {torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.2}  # nats, by the coarser of both


class VllmEngine:
    """A checkpoint served by vLLM.

    Args:
        folder: of a Hugging Face checkpoint: the architecture, and the weights until `load`.
        stop: the id that ends an action.
        length: most tokens of a history and its action.
        concurrent: most episodes generated for at once.
        memory: share of the card that weights and cache may take. On a CPU the cache takes
            `VLLM_CPU_KVCACHE_SPACE` GiB, one if that is not set.
        adapter: greatest rank of LoRA adapters, which are then loaded beside the weights, not merged into them; None
            takes whole weights.
        sleeps: `rest` hands the card to a trainer.

    Raises:
        EngineFailure: vLLM is not installed, or cannot serve the checkpoint.
    """

    def __init__(self, folder: Path, stop: int, length: int = 4096, concurrent: int = 128,
                 memory: float = 0.4, adapter: int | None = None, sleeps: bool = False):
        # An engine in this process takes weights from memory; nothing is asked of a hub; and its messages are for its
        # own developers.
        for name, value in (("VLLM_ENABLE_V1_MULTIPROCESSING", "0"), ("VLLM_CPU_KVCACHE_SPACE", "1"),
                            ("VLLM_LOGGING_LEVEL", "ERROR"), ("VLLM_NO_USAGE_STATS", "1")):
            os.environ.setdefault(name, value)
        self.gpu = torch.cuda.is_available()
        if not self.gpu:
            os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # compiling a sampler takes half a minute
        try:
            from vllm import LLM
        except ImportError as error:
            raise EngineFailure(
                f"engine.name = \"vllm\" needs vLLM ({error}): pip install 'dreaming-simulator[gpu]'"
            ) from error
        self.stop = stop
        self.sleeps = sleeps and self.gpu
        self.seeds: list[int] = []
        self.asked: dict[int, int] = {}  # questions so far, by episode
        self.thinking = set[int]()
        self.adapters: Any = None if adapter is None else TemporaryDirectory()
        self.adapter: Any = None
        self.loads = 0
        self.resting = False
        # A processor's generator cannot be set back, as vLLM does when a question is read in parts.
        whole: dict[str, Any] = {"enable_chunked_prefill": False, "max_num_batched_tokens": max(8192, length)}
        try:
            self.llm = LLM(
                model=str(folder), skip_tokenizer_init=True, dtype="auto" if self.gpu else "float32",
                enforce_eager=not self.gpu, max_model_len=length, max_num_seqs=concurrent,
                gpu_memory_utilization=memory, enable_prefix_caching=True, logprobs_mode="processed_logprobs",
                enable_lora=adapter is not None, max_lora_rank=max(8, adapter or 0), max_loras=1,
                enable_sleep_mode=self.sleeps, disable_log_stats=True,
                **({} if self.gpu else whole),
            )
        except (ValueError, RuntimeError, OSError) as error:
            raise EngineFailure(f"vLLM cannot serve {folder}: {error}") from error
        self.engine: Any = self.llm.llm_engine

    def open(self, seed: int) -> int:
        self.seeds.append(seed)
        return len(self.seeds) - 1

    def ask(self, episode: int, history: Sequence[int], sampling: Sampling) -> None:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        self._wake()
        turn = self.asked[episode] = self.asked.get(episode, 0) + 1
        parameters = SamplingParams(
            temperature=sampling.temperature, max_tokens=sampling.max_tokens, stop_token_ids=[self.stop], logprobs=0,
            seed=hash((self.seeds[episode], turn)) & 0x7FFFFFFF, detokenize=False, ignore_eos=True,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        self.thinking.add(episode)
        self.engine.add_request(str(episode), {"prompt_token_ids": list(history)}, parameters,
                                lora_request=self.adapter)

    def step(self) -> dict[int, Completion]:
        done = {}
        for output in self.engine.step() if self.engine.has_unfinished_requests() else []:
            if output.finished:
                said = output.outputs[0]
                ids = list(said.token_ids)
                logprobs = [place[token].logprob for place, token in zip(said.logprobs, ids, strict=True)]
                episode = int(output.request_id)
                self.thinking.discard(episode)
                done[episode] = Completion(ids, logprobs)
        return done

    def close(self, episode: int) -> None:
        if self.asked.pop(episode, None) and episode in self.thinking:
            self.engine.abort_request([str(episode)])
            self.thinking.discard(episode)

    def load(self, model: PreTrainedModel) -> None:
        self._wake()
        if isinstance(model, PeftModel) and self.adapters is not None:
            from vllm.lora.request import LoRARequest

            self.loads += 1
            folder = Path(self.adapters.name) / str(self.loads)
            model.save_pretrained(folder, save_embedding_layers=False)  # or PEFT asks a hub about them
            self.adapter = LoRARequest(f"round-{self.loads}", self.loads, str(folder))
        else:
            self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(_weights(model))})
        self.llm.reset_prefix_cache()
        self._compare(model)

    def rest(self) -> None:
        if self.sleeps and not self.resting:
            self.llm.sleep(level=1)
            self.resting = True

    def difference(self, model: PreTrainedModel, prompt: Sequence[int], count: int = PROBE) -> float:
        """How far the engine's log-probabilities lie from a model's: the greatest, over `count` tokens it says."""
        said = say(self, prompt, Sampling(max_tokens=count))
        ids = torch.tensor([[*prompt, *said.ids]], device=model.device)
        was_training = model.training
        model.eval()
        with torch.inference_mode():
            logits = model(ids).logits[0, len(prompt) - 1 : -1].float()
        model.train(was_training)
        own = torch.log_softmax(logits, dim=-1).gather(1, ids[0, len(prompt) :, None])[:, 0].cpu()
        return float((own - torch.tensor(said.logprobs)).abs().max())

    def _compare(self, model: PreTrainedModel) -> None:
        vocabulary = model.config.get_text_config().vocab_size
        probe = torch.randint(vocabulary, (PROBE,), generator=torch.Generator().manual_seed(0)).tolist()
        difference = self.difference(model, probe)
        tolerance = TOLERANCE.get(model.dtype, TOLERANCE[torch.bfloat16])
        if not difference <= tolerance:
            raise EngineFailure(
                f"vLLM's log-probabilities differ by {difference:.3g} nats from the model's after its weights were "
                f"taken over (tolerance {tolerance:g}): not all of them arrived, or vLLM computes something else"
            )

    def _wake(self) -> None:
        if self.resting:
            torch.cuda.empty_cache()  # what the trainer freed, torch keeps from the engine
            self.llm.wake_up()
            self.resting = False


def _weights(model: PreTrainedModel) -> list[tuple[str, torch.Tensor]]:
    """All tensors by name; tied embeddings under both their names, for vLLM passes over what is missing."""
    return list(model.state_dict().items())
