"""Does a training run of ours lie on PyTorch + PEFT's?

    python scripts/compare/train.py --model DIR --data FILE.jsonl [--steps 30] [--optimizer stable_lora]

FILE holds {"prompt", "completion"} records. PEFT makes a fresh adapter; both sides
start from it and take the same records in file order, without dropout. Prints the
losses side by side and the largest differences of loss, gradient norm and final
factors; exits with 1 where a loss differs by more than 2e-5 + 1e-5 relative.
Needs go, torch, transformers and peft.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, get_linear_schedule_with_warmup

ROOT = pathlib.Path(__file__).resolve().parents[2]
RATE, CLIP, DECAY, SHRINK, BATCH = 2e-3, 1.0, 0.01, 0.02, 8


def encode(tokenizer, eos, record):
    """Tokens and labels: supervised are tokens with a character of the completion, and EOS; never the first."""
    start = len(record["prompt"])
    enc = tokenizer(record["prompt"] + record["completion"], return_offsets_mapping=True)
    ids = enc.input_ids + [eos]
    labels = [t if end > start and end > begin else -100 for t, (begin, end) in zip(enc.input_ids, enc.offset_mapping)] + [eos]
    labels[0] = -100
    return ids, labels


def reference(args, adapter):
    torch.manual_seed(0)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(pathlib.Path(args.model) / "tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32, attn_implementation="eager")
    eos = model.config.eos_token_id
    eos = eos[0] if isinstance(eos, list) else eos
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    model.save_pretrained(adapter)
    examples = [encode(tokenizer, eos, json.loads(line)) for line in open(args.data)]
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    a, b = [p for n, p in named if "lora_A" in n], [p for n, p in named if "lora_B" in n]
    optimizer = torch.optim.AdamW(a + b, lr=RATE, weight_decay=DECAY)
    schedule = get_linear_schedule_with_warmup(optimizer, 3, args.steps)
    keep, rows, at = [True] * len(a), [], 0
    for _ in range(args.steps):
        batch = examples[at:at + BATCH]
        at = at + BATCH if at + BATCH < len(examples) else 0
        count = sum(sum(l != -100 for l in labels) for _, labels in batch)
        optimizer.zero_grad()
        total = 0.0
        for ids, labels in batch:
            logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels[1:]), ignore_index=-100, reduction="sum") / count
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(a + b, CLIP).item()
        with torch.no_grad():
            for i in range(len(a)):
                if args.optimizer == "stable_lora" and keep[i]:
                    if a[i].norm() < a[i].numel() / b[i].numel() * b[i].norm():
                        keep[i] = False
                    else:
                        a[i].mul_(1 - SHRINK)
        optimizer.step()
        schedule.step()
        rows.append((total, norm, count))
    return rows, {n.replace(".default", ""): p.detach() for n, p in named}


def ours(args, adapter, out):
    sets = {"model.path": pathlib.Path(args.model).resolve(), "data.train": json.dumps([{"path": str(pathlib.Path(args.data).resolve())}]),
            "data.shuffle": "false", "lora.init_from": adapter, "train.max_steps": args.steps, "train.batch_size": BATCH,
            "train.learning_rate": RATE, "train.warmup_steps": 3, "train.max_grad_norm": CLIP, "optimizer.name": args.optimizer,
            "optimizer.weight_decay": DECAY, "optimizer.shrink_ratio": SHRINK, "output.dir": out / "run", "data.max_length": 4096}
    config = out / "empty.yaml"
    config.write_text("{}\n")
    command = ["go", "run", "./cmd/stablelora", "train", "--quiet", "--config", str(config)]
    for key, value in sets.items():
        command += ["--set", f"{key}={value}"]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    rows = [json.loads(line) for line in open(out / "run/metrics.jsonl")]
    return [(r["loss"], r["grad_norm"], r["supervised_tokens"]) for r in rows], load_file(out / "run/adapter_model.safetensors")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--optimizer", default="stable_lora", choices=["stable_lora", "adamw"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        theirs, their_factors = reference(args, tmp / "adapter")
        our, our_factors = ours(args, tmp / "adapter", tmp)
    for step, (t, o) in enumerate(zip(theirs, our), 1):
        if step <= 3 or step % 10 == 0:
            print(f"step {step}: loss {t[0]:.6f} PyTorch, {o[0]:.6f} ours; gradient norm {t[1]:.6f}, {o[1]:.6f}")
    assert [t[2] for t in theirs] == [o[2] for o in our], "supervised tokens differ"
    loss = max(abs(t[0] - o[0]) for t, o in zip(theirs, our))
    norm = max(abs(t[1] - o[1]) / t[1] for t, o in zip(theirs, our))
    factor = max(((our_factors[n] - p).norm() / p.norm()).item() for n, p in their_factors.items())
    print(f"{args.optimizer}, {args.steps} steps: largest difference of loss {loss:.2g}, of gradient norm {norm:.2g} relative, "
          f"of a factor {factor:.2g} relative")
    sys.exit(any(abs(t[0] - o[0]) > 2e-5 + 1e-5 * t[0] for t, o in zip(theirs, our)))


if __name__ == "__main__":
    main()
