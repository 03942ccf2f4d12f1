"""Measures the demo with PyTorch and PEFT: the base model's and the adapted model's held-out accuracies.

    OMP_NUM_THREADS=1 python scripts/demo/check.py [--seeds 1,2,3]

Reads configs/quickstart.yaml and does what `stablelora train` does with it (LoRA, Stable-LoRA's shrinking of A,
AdamW), then scores as lm-evaluation-harness does. The control scores the endings without the story's text.
"""

import argparse
import json
import math
import pathlib
import random
import re
import time

import torch
import yaml
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = pathlib.Path(__file__).parent.parent.parent


def load(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def hellaswag_context(doc):
    return f"{doc['activity_label']}: {doc['ctx_a']} {doc['ctx_b'].capitalize()}"


def example(tok, prompt, completion):
    """Token ids with the end-of-text token, and the first supervised position."""
    enc = tok(prompt + completion, return_offsets_mapping=True)
    ids = enc["input_ids"] + [tok.eos_token_id]
    first = next(i for i, (_, end) in enumerate(enc["offset_mapping"]) if end > len(prompt))
    return ids, first


def pad(rows, value, left=False):
    width = max(map(len, rows))
    return torch.tensor([[value] * (width - len(r)) + r if left else r + [value] * (width - len(r)) for r in rows])


@torch.no_grad()
def hellaswag(model, tok, docs, context=hellaswag_context):
    """Accuracy of the sum of log-likelihoods and of the same per character; also the latter's list of hits."""
    rows = []
    for doc in docs:
        start = context(doc)
        n = len(tok(start)["input_ids"])
        for ending in doc["endings"]:
            rows.append((tok(start + " " + ending)["input_ids"], n))
    scores = []
    for i in range(0, len(rows), 200):
        part = rows[i:i + 200]
        x = pad([ids for ids, _ in part], 0)
        logp = model(input_ids=x).logits.float().log_softmax(-1)
        took = logp[:, :-1].gather(2, x[:, 1:, None])[..., 0]
        scores += [took[j, n - 1:len(ids) - 1].sum().item() for j, (ids, n) in enumerate(part)]
    hits, norm_hits = [], []
    for i, doc in enumerate(docs):
        four = scores[4 * i:4 * i + 4]
        norm = [s / len(e) for s, e in zip(four, doc["endings"])]
        hits.append(four.index(max(four)) == doc["label"])
        norm_hits.append(norm.index(max(norm)) == doc["label"])
    return hits, norm_hits


@torch.no_grad()
def gsm8k(model, tok, docs, show=0):
    """Exact match of the strict and the flexible extraction, greedy, zero-shot, at most 256 new tokens."""
    strict = flexible = 0
    for i in range(0, len(docs), 100):
        part = docs[i:i + 100]
        prompts = [tok(f"Question: {d['question']}\nAnswer:")["input_ids"] for d in part]
        x = pad(prompts, tok.pad_token_id, left=True)
        mask = pad([[1] * len(p) for p in prompts], 0, left=True)
        out = model.generate(input_ids=x, attention_mask=mask, do_sample=False, max_new_tokens=256,
                             pad_token_id=tok.pad_token_id)
        for doc, ids in zip(part, out[:, x.shape[1]:]):
            text = re.split("Question:|</s>|<\\|im_end\\|>", tok.decode(ids, skip_special_tokens=True))[0]
            gold = doc["answer"].split("#### ")[-1]
            found = re.findall(r"#### (\-?[0-9\.\,]+)", text)
            strict += bool(found) and found[0].rstrip(".").replace(",", "") == gold
            found = re.findall(r"(-?[$0-9.,]{2,})|(-?[0-9]+)", text)
            last = next((g for g in found[-1] if g), "") if found else ""
            flexible += re.sub(r",|\$|\.$", "", last) == gold
            if show:
                print(repr(doc["question"]), repr(text[:200]), gold)
                show -= 1
    return strict / len(docs), flexible / len(docs)


def shrink(pairs, latched, rate):
    """Stable-LoRA: A shrinks until |A|/n < |B|/m once held, n and m being the layer's input and output width."""
    for name, a, b in pairs:
        if name in latched:
            continue
        if a.norm() < a.shape[1] / b.shape[0] * b.norm():
            latched.add(name)
        else:
            a.mul_(1 - rate)


def finetune(config, tok, seed):
    """A LoRA run as the configuration says; returns the model, the tokens seen and the seconds it took."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    lora, opt_cfg, tr = config["lora"], config["optimizer"], config["train"]
    base = AutoModelForCausalLM.from_pretrained(config["model"]["path"], dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=lora["r"], lora_alpha=lora["alpha"], lora_dropout=0.0,
                                            target_modules=lora["target_modules"], task_type="CAUSAL_LM"))
    examples = []
    for file in config["data"]["train"]:
        for d in load(file["path"]):
            examples.append(example(tok, f"Question: {d['question']}\nAnswer:", " " + d["answer"]) if "question" in d
                            else example(tok, hellaswag_context(d), " " + d["endings"][d["label"]]))
    params = dict(model.named_parameters())
    pairs = [(n, p.data, params[n.replace("lora_A", "lora_B")].data) for n, p in params.items() if "lora_A" in n]
    trained = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(trained, lr=tr["learning_rate"], betas=opt_cfg.get("betas", (0.9, 0.999)),
                            weight_decay=opt_cfg.get("weight_decay", 0.01))
    per_epoch = math.ceil(len(examples) / tr["batch_size"])
    steps = tr.get("max_steps") or per_epoch * tr["epochs"]
    warm = tr.get("warmup_steps") or math.ceil(tr.get("warmup_ratio", 0) * steps)
    latched, tokens, order, began, mean = set(), 0, [], time.time(), 0.0
    for k in range(steps):
        if not order:
            order = rng.sample(examples, len(examples))
        batch, order = order[:tr["batch_size"]], order[tr["batch_size"]:]
        x = pad([ids for ids, _ in batch], 0)
        y = pad([[-100] * first + ids[first:] for ids, first in batch], -100)
        tokens += sum(len(ids) for ids, _ in batch)
        factor = k / warm if k < warm else (steps - k) / (steps - warm)
        for group in opt.param_groups:
            group["lr"] = tr["learning_rate"] * factor
        loss = model(input_ids=x, labels=y).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, tr.get("max_grad_norm", 1.0))
        if opt_cfg["name"] == "stable_lora":
            shrink(pairs, latched, opt_cfg.get("shrink_ratio", 0.0005))
        opt.step()
        opt.zero_grad()
        mean += loss.item() / 50
        if (k + 1) % 50 == 0:
            print(f"  step {k + 1} of {steps} loss {mean:.4f} latched {len(latched)}", flush=True)
            mean = 0.0
    return model.eval(), tokens, time.time() - began


def measure(model, tok, data, show=0):
    docs = data["hellaswag"]
    known = {d["activity_label"] for d in data["train"]}
    hits, norm = hellaswag(model, tok, docs)
    new = [h for h, d in zip(hits, docs) if d["activity_label"] not in known]
    bare, bare_norm = hellaswag(model, tok, docs, context=lambda doc: doc["ctx_b"])
    strict, flexible = gsm8k(model, tok, data["gsm8k"], show)
    mean = lambda v: sum(v) / len(v)
    return (f"hellaswag acc {mean(hits):.3f} acc_norm {mean(norm):.3f} (new activities {mean(new):.3f}; without the "
            f"story {mean(bare):.3f} {mean(bare_norm):.3f}); gsm8k strict {strict:.3f} flexible {flexible:.3f}")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--seeds", default="1,2,3")
    args.add_argument("--config", type=pathlib.Path, default=ROOT / "configs" / "quickstart.yaml")
    args.add_argument("--model", help="another model folder than the configuration's")
    args.add_argument("--set", action="append", default=[], help="section.key=value")
    args.add_argument("--show", type=int, default=0, help="print so many of the answers to the word problems")
    args = args.parse_args()
    torch.set_num_threads(1)
    config = yaml.safe_load(args.config.read_text())
    at = lambda path: str(args.config.parent / path)
    config["model"]["path"] = args.model or at(config["model"]["path"])
    for file in config["data"]["train"]:
        file["path"] = at(file["path"])
    for item in args.set:
        key, value = item.split("=")
        section, key = key.split(".")
        config[section][key] = yaml.safe_load(value)
    data = {t["name"]: load(at(t["path"])) for t in config["eval"]["tasks"]}
    data["train"] = [d for f in config["data"]["train"] for d in load(f["path"]) if "endings" in d]
    tok = AutoTokenizer.from_pretrained(config["model"]["path"])
    base = AutoModelForCausalLM.from_pretrained(config["model"]["path"], dtype=torch.float32).eval()
    print("base:", measure(base, tok, data, args.show), flush=True)
    for seed in map(int, filter(None, args.seeds.split(","))):
        model, tokens, seconds = finetune(config, tok, seed)
        print(f"seed {seed}: {tokens} tokens, {seconds:.0f} s:", measure(model, tok, data, args.show), flush=True)


if __name__ == "__main__":
    main()
