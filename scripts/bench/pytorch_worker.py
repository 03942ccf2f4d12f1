"""One PyTorch + PEFT competitor, in a process of its own; writes what it measured as JSON.

    python pytorch_worker.py train --model DIR --adapter DIR --examples FILE --steps N --dtype float32 [--compile] --output FILE
    python pytorch_worker.py generate --model DIR --prompts DIR --new-tokens N --dtype float32 --output FILE

As someone would write it who knows the libraries: scaled-dot-product attention, no cache while
training, an attention mask only where lengths differ, nothing logged within a timed step.
"""

import argparse
import json
import pathlib
import resource
import time

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()
RATE, DECAY, CLIP = 1e-4, 0.01, 1.0  # as in ours.py


def collate(examples, equal_lengths):
    """Pads on the right to the longest, as DataCollatorForSeq2Seq does."""
    longest = max(len(ids) for ids, _ in examples)
    batch = {"input_ids": torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in examples]),
             "labels": torch.tensor([labels + [-100] * (longest - len(labels)) for _, labels in examples])}
    if not equal_lengths:
        batch["attention_mask"] = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in examples])
    return batch


def train(args):
    data = json.loads(args.examples.read_text())
    batches = [data["examples"][i * data["batch"]:(i + 1) * data["batch"]] for i in range(args.steps)]
    base = AutoModelForCausalLM.from_pretrained(args.model, dtype=args.dtype)
    model = PeftModel.from_pretrained(base, args.adapter, is_trainable=True)
    model.train()
    forward = torch.compile(model, dynamic=None if data["equal_lengths"] else True) if args.compile else model
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY)
    rows = []
    for examples in batches:
        began = time.perf_counter()
        batch = collate(examples, data["equal_lengths"])
        loss = forward(**batch, use_cache=False).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        optimizer.zero_grad()
        rows.append({"loss": loss.item(), "grad_norm": norm.item(), "seconds": time.perf_counter() - began, "ended": time.time(),
                     "tokens": sum(len(ids) for ids, _ in examples), "computed_tokens": batch["input_ids"].numel(),
                     "supervised_tokens": sum(l != -100 for _, labels in examples for l in labels[1:])})
    return {"steps": rows}


@torch.inference_mode()
def generate(args):
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(args.model / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=args.dtype).eval()

    def timed(name, new):
        ids = torch.tensor([tokenizer((args.prompts / name).read_text()).input_ids])
        began = time.perf_counter()
        out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
                             min_new_tokens=new, max_new_tokens=new)
        return time.perf_counter() - began, out[0, ids.shape[1]:].tolist()

    timed("one.txt", 2)  # warm-up
    short, _ = timed("one.txt", 1)
    prompt, _ = timed("prompt.txt", 1)
    whole, ids = timed("prompt.txt", args.new_tokens)
    return {"short_seconds": short, "prompt_seconds": prompt, "whole_seconds": whole, "ids": ids}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "generate"])
    for name in ("model", "adapter", "examples", "prompts", "output"):
        parser.add_argument("--" + name, type=pathlib.Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--new-tokens", type=int)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], required=True)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    args.dtype = getattr(torch, args.dtype)
    torch.set_num_threads(args.threads)
    result = {"train": train, "generate": generate}[args.what](args)
    args.output.write_text(json.dumps(result | {"import_rss_bytes": imported}))


if __name__ == "__main__":
    main()
