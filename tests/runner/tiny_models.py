"""Student models of a few thousand random weights, made on the spot: the real architectures in small."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PhiConfig, PhiForCausalLM, PreTrainedTokenizerFast

from runner.hardware import Plan
from runner.student.local_student import LocalStudent
from runner.student.models.loader import load_model

TEXT = ["A Pod is a group of containers that share network and storage.", "What does a Service do?",
        "Instruct: Output: user assistant The scheduler picks a node for each new Pod."]
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def llama_folder(folder: Path, seed: int = 0, context: int = 128, hidden: int = 32) -> Path:
    """Llama-shaped, ChatML tokens, and pad = eos = `<|im_end|>`, as the embedded student has it."""
    tokenizer = _tokenizer(CHATML, eos="<|im_end|>", pad="<|im_end|>")
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=context, tie_word_embeddings=True,
        initializer_range=0.2, bos_token_id=1, eos_token_id=2, pad_token_id=2))
    return _saved(model, tokenizer, folder)


def phi_folder(folder: Path, seed: int = 0, context: int = 128, hidden: int = 64, layers: int = 2,
               heads: int = 4) -> Path:
    """Phi-shaped with Phi-2's layer names: no ChatML tokens, no pad token, more embedding rows than tokens."""
    tokenizer = _tokenizer(["<|endoftext|>"], eos="<|endoftext|>", pad=None)
    torch.manual_seed(seed)
    model = PhiForCausalLM(PhiConfig(
        vocab_size=len(tokenizer) + 17, hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=layers,
        num_attention_heads=heads, max_position_embeddings=context, initializer_range=0.2, bos_token_id=0,
        eos_token_id=0))
    return _saved(model, tokenizer, folder)


def student(folder: Path, precision: str = "fp32", answer_batch: int = 4) -> LocalStudent:
    """A LocalStudent on a tiny model's folder."""
    plan = Plan("cpu", precision, 4, 1, answer_batch, 1, 0, "made for a test")
    return LocalStudent(load_model(str(folder), precision, "cpu"), folder.name, plan)


def _tokenizer(special: list[str], eos: str, pad: str | None) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=eos, pad_token=pad, unk_token=special[0],
                                   bos_token=special[1] if len(special) > 1 else special[0])


def _saved(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)  # type: ignore[operator]
    tokenizer.save_pretrained(folder)
    return folder
