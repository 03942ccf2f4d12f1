"""Makes what both sides start from: an adapter as PEFT saves it, and the data of each scenario.

    python prepare.py --model DIR --out DIR --steps N fixed:0.25 gsm8k:4 ...

For each scenario OUT/SCENARIO/records.jsonl (ours reads it) and examples.json (the tokens and
labels of the same records, for PyTorch). A scenario is fixed:FRACTION, two sequences a step
of which that fraction is supervised, or gsm8k:BATCH, records of that data set in file order.
"""

import argparse
import itertools
import json
import pathlib
import random
import re

from tokenizers import Tokenizer

SEQUENCES = 2  # of a step of a fixed scenario


def words(tokenizer):
    """Words that are one token behind a space: a text of n of them has n tokens."""
    found = []
    for token in tokenizer.get_vocab():
        text = re.sub("^[Ġ▁]", " ", token)
        if re.fullmatch(" [a-z]{3,8}", text):
            found.append(text)
    if len(found) < 100:
        raise SystemExit("the tokenizer has fewer than 100 words of one token; fixed lengths need more")
    return sorted(found)


def text_of(tokenizer, vocabulary, tokens, rng):
    """Words whose text has exactly `tokens` tokens, those the tokenizer adds included."""
    picked = rng.choices(vocabulary, k=tokens)
    while (n := len(tokenizer.encode("".join(picked)).ids)) > tokens:
        picked = picked[:tokens - n]
    if n != tokens:
        raise SystemExit(f"the tokenizer makes {n} tokens where {tokens} are due")
    return picked


def fixed(tokenizer, fraction, tokens, count):
    vocabulary, rng = words(tokenizer), random.Random(0)
    learnt = round(fraction * tokens)
    for _ in range(count):
        picked = text_of(tokenizer, vocabulary, tokens - 1, rng)  # the end of sequence is one more
        cut = len(picked) - (learnt - 1) if fraction < 1 else 1
        yield {"prompt": "".join(picked[:cut]), "completion": "".join(picked[cut:])}


def gsm8k(path, count):
    with open(path) as f:
        for line in itertools.islice(itertools.cycle(f.readlines()), count):
            record = json.loads(line)
            yield {"prompt": f"Question: {record['question']}\nAnswer:", "completion": " " + record["answer"]}


def encode(tokenizer, eos, record, learn_all):
    """Tokens and labels: supervised are tokens with a character of the completion, and EOS; never the first."""
    start = len(record["prompt"])
    enc = tokenizer.encode(record["prompt"] + record["completion"])
    labels = [t if learn_all or end > start and end > begin else -100 for t, (begin, end) in zip(enc.ids, enc.offsets)]
    labels[0] = -100
    return enc.ids + [eos], labels + [eos]


def data(args, scenario, tokenizer, eos):
    kind, value = scenario.split(":")
    if kind == "fixed":
        learn_all, batch = float(value) >= 1, SEQUENCES
        records = list(fixed(tokenizer, float(value), args.tokens, args.steps * batch))
    else:
        learn_all, batch = False, int(value)
        records = list(gsm8k(args.gsm8k, args.steps * batch))
    out = args.out / scenario
    out.mkdir(parents=True, exist_ok=True)
    (out / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    examples = [encode(tokenizer, eos, r, learn_all) for r in records]
    if kind == "fixed" and any(len(ids) != args.tokens for ids, _ in examples):
        raise SystemExit(f"not every sequence has {args.tokens} tokens")
    (out / "examples.json").write_text(json.dumps({"batch": batch, "train_on": "all" if learn_all else "completion",
                                                   "equal_lengths": kind == "fixed", "examples": examples}))


def adapter(model, out):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    get_peft_model(base, config).save_pretrained(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=256, help="of a sequence of a fixed scenario")
    parser.add_argument("--gsm8k", type=pathlib.Path)
    parser.add_argument("--prompt", type=int, default=0, help="also OUT/prompt.txt with so many tokens, and OUT/one.txt with one more than the tokenizer adds")
    parser.add_argument("scenarios", nargs="*")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    eos = json.loads((args.model / "config.json").read_text())["eos_token_id"]
    eos = eos[0] if isinstance(eos, list) else eos
    args.out.mkdir(parents=True, exist_ok=True)
    if args.prompt:
        text = text_of(tokenizer, words(tokenizer), args.prompt, random.Random(0))
        (args.out / "prompt.txt").write_text("".join(text))
        (args.out / "one.txt").write_text(text[0])
    for scenario in args.scenarios:
        data(args, scenario, tokenizer, eos)
    if args.scenarios:
        adapter(args.model, args.out / "adapter")


if __name__ == "__main__":
    main()
