"""Trains the demo's tokenizer and pretrains its model on the synthetic text; writes internal/demo/model.

    OMP_NUM_THREADS=1 python scripts/demo/pretrain.py [--steps N] [--out DIR]

A Qwen2 decoder of 1.3 M parameters. Everything is drawn from SEED; on another processor or another torch the sums
round differently and the weights come out a little different.
"""

import argparse
import itertools
import json
import pathlib
import random
import time

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from text import documents

OUT = pathlib.Path(__file__).parent.parent.parent / "internal" / "demo" / "model"
SEED = 1
VOCAB, LENGTH, BATCH, WARMUP = 1024, 192, 8, 60
LR, MATRIX_LR = 3e-3, 0.012   # AdamW's; Muon's
END = "<|endoftext|>"

# The splitting rule of Qwen2's tokenizer: every digit is a token of its own.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")

CONFIG = dict(vocab_size=VOCAB, hidden_size=128, intermediate_size=384, num_hidden_layers=6, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=512, rope_theta=10000.0, rms_norm_eps=1e-6,
              tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, use_cache=True)


def train_tokenizer():
    """A byte-level BPE over a sample of the text."""
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])
    tok.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tok.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    sample = itertools.islice(documents(random.Random(SEED)), 20000)
    tok.train_from_iterator(sample, trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return tok


def batches(tok):
    """Endless [BATCH, LENGTH] tensors: documents one after another, each followed by END."""
    ids, docs, need = [], documents(random.Random(SEED + 1)), BATCH * LENGTH
    while True:
        while len(ids) < need:
            for enc in tok.encode_batch(list(itertools.islice(docs, 200))):
                ids += enc.ids + [0]
        yield torch.tensor(ids[:need]).view(BATCH, LENGTH)
        ids = ids[need:]


class Muon:
    """Momentum orthogonalised by five Newton-Schulz steps (Keller Jordan, 2024): on so small a model and so little
    text it needs about half the tokens that AdamW does. For the layers' matrices only."""

    def __init__(self, params):
        shapes = {}
        for p in params:
            shapes.setdefault(p.shape, []).append(p)
        self.groups = [(group, torch.zeros(len(group), *shape)) for shape, group in shapes.items()]

    @torch.no_grad()
    def step(self, lr):
        for params, momentum in self.groups:
            grad = torch.stack([p.grad for p in params])
            momentum.lerp_(grad, 0.05)
            x = grad.lerp(momentum, 0.95)
            rows, cols = x.shape[1:]
            if rows > cols:
                x = x.mT
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            for _ in range(5):
                square = x @ x.mT
                x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
            if rows > cols:
                x = x.mT
            for p, u in zip(params, x):
                p.mul_(1 - 0.02 * lr).sub_(u, alpha=lr * max(1, rows / cols) ** 0.5)


def train(model, tok, steps):
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n]
    muon, adam = Muon(matrices), torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    began, mean = time.time(), 0.0
    for step, x in enumerate(itertools.islice(batches(tok), steps)):
        rate = min(1.0, (step + 1) / WARMUP, 0.02 + 1.6 * (1 - step / steps))   # constant, then linear to almost 0
        loss = model(input_ids=x, labels=x).loss
        loss.backward()
        adam.param_groups[0]["lr"] = LR * rate
        adam.step()
        muon.step(MATRIX_LR * rate)
        model.zero_grad(set_to_none=True)
        mean += loss.item() / 50
        if (step + 1) % 50 == 0:
            print(f"step {step + 1} loss {mean:.4f} {time.time() - began:.0f} s", flush=True)
            mean = 0.0


def save(model, tok, out):
    out.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0, pad_token_id=0)
    model.to(torch.bfloat16).save_pretrained(out)
    tok.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps({
        "add_prefix_space": False,
        "added_tokens_decoder": {"0": {"content": END, "lstrip": False, "normalized": False, "rstrip": False,
                                       "single_word": False, "special": True}},
        "bos_token": None, "clean_up_tokenization_spaces": False, "eos_token": END, "errors": "replace",
        "model_max_length": CONFIG["max_position_embeddings"], "pad_token": END, "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer", "unk_token": None}, indent=2) + "\n")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--steps", type=int, default=2000)
    args.add_argument("--out", type=pathlib.Path, default=OUT)
    args = args.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    tok = train_tokenizer()
    model = Qwen2ForCausalLM(Qwen2Config(**CONFIG))
    print(sum(p.numel() for p in model.parameters()), "parameters")
    train(model, tok, args.steps)
    save(model, tok, args.out)


if __name__ == "__main__":
    main()
