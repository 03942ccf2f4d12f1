"""Does PEFT compute with our adapter what we compute, and transformers with our merged model?

    python scripts/compare/scores.py --model DIR --adapter DIR --hellaswag FILE.jsonl [--limit 50]

Runs `stablelora eval --log-samples` on base + adapter, and on the folder that
`stablelora merge` writes; loads base + adapter with PEFT and the merged folder with
transformers in float32, and prints the largest difference of a choice's
log-likelihood. Exits with 1 where one is above 1e-3 + 1e-5 relative.
Needs go, torch, transformers and peft.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]


def ours(binary, args, out, extra):
    command = [binary, "eval", "--tasks", "hellaswag", "--data", f"hellaswag={args.hellaswag}", "--limit", str(args.limit),
               "--output", str(out), "--log-samples", "--quiet", "--base=false"] + extra
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in (out / "samples_hellaswag.jsonl").open()]


@torch.no_grad()
def log_likelihood(model, tokenizer, context, continuation):
    # As the harness has it: the context's own tokens, then what follows as many of the whole.
    tokens = tokenizer(context).input_ids
    start = len(tokens)
    whole = tokens + tokenizer(context + continuation).input_ids[start:]
    logits = model(torch.tensor([whole[:-1]])).logits[0].float().log_softmax(-1)
    return sum(logits[t - 1, whole[t]].item() for t in range(start, len(whole)))


def compare(what, model, tokenizer, samples):
    worst, bad, n = 0.0, 0, 0
    for s in samples:
        for key, response in zip(s["arguments"], s["resps"]):
            a = s["arguments"][key]
            want = log_likelihood(model, tokenizer, a["arg_0"], a["arg_1"])
            got = float(response[0][0])
            worst = max(worst, abs(got - want))
            bad += abs(got - want) > 1e-3 + 1e-5 * abs(want)
            n += 1
    print(f"{what}: {n} log-likelihoods, largest difference {worst:.2g}, {bad} beyond tolerance")
    return bad


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "adapter", "hellaswag"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--limit", type=int, default=50)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        binary = str(tmp / "stablelora")
        subprocess.run(["go", "build", "-o", binary, "./cmd/stablelora"], check=True, cwd=ROOT)
        merged = tmp / "merged"
        subprocess.run([binary, "merge", "--model", args.model, "--adapter", args.adapter, "--output", merged], check=True)
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(pathlib.Path(args.model) / "tokenizer.json"))
        base = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
        with_adapter = PeftModel.from_pretrained(base, args.adapter).eval()
        bad = compare("PEFT, base + adapter", with_adapter, tokenizer,
                      ours(binary, args, tmp / "a", ["--model", args.model, "--adapter", args.adapter]))
        folded = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32).eval()
        bad += compare("transformers, merged", folded, tokenizer, ours(binary, args, tmp / "m", ["--model", str(merged)]))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
