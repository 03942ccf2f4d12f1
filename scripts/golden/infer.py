"""Golden numbers for internal/infer: the demo model's greedy continuations and
log-likelihoods, from transformers.

    python scripts/golden/infer.py

writes internal/infer/testdata/demo.json. Float32, one thread, eager attention.
Needs torch and transformers.
"""

import json
import pathlib

import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "internal/demo"
NEW_TOKENS = 40


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(DEMO / "model/tokenizer.json"))
    model = AutoModelForCausalLM.from_pretrained(DEMO / "model", dtype=torch.float32, attn_implementation="eager").eval()
    documents = [json.loads(line) for line in (DEMO / "data/hellaswag_test.jsonl").open()][:6]
    questions = [json.loads(line)["question"] for line in (DEMO / "data/gsm8k_test.jsonl").open()][:4]

    rows, gap = [], float("inf")
    for prompt in [d["ctx"] for d in documents] + [f"Question: {q}\nAnswer:" for q in questions]:
        ids = tokenizer(prompt).input_ids
        new = []
        while len(new) < NEW_TOKENS:
            logits = model(torch.tensor([ids + new])).logits[0, -1]
            best = logits.topk(2).values
            gap = min(gap, (best[0] - best[1]).item())
            new.append(logits.argmax().item())
            if new[-1] == model.config.eos_token_id:
                break
        rows.append({"prompt": prompt, "prompt_ids": ids, "generated_ids": new, "text": tokenizer.decode(new, skip_special_tokens=True)})

    scores = []
    for d in documents:
        for ending in d["endings"]:
            context = tokenizer(d["ctx"]).input_ids
            tokens = context + tokenizer(d["ctx"] + " " + ending).input_ids[len(context):]
            logp = model(torch.tensor([tokens[:-1]])).logits[0].log_softmax(-1)
            picked = [logp[t - 1, tokens[t]].item() for t in range(len(context), len(tokens))]
            greedy = all(logp[t - 1].argmax().item() == tokens[t] for t in range(len(context), len(tokens)))
            scores.append({"tokens": tokens, "from": len(context), "log_likelihood": sum(picked), "greedy": greedy})

    out = {"max_new_tokens": NEW_TOKENS, "smallest_top2_logit_gap": gap, "rows": rows, "scores": scores}
    path = ROOT / "internal/infer/testdata/demo.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(out, indent=1) + "\n")
    print(path, "smallest gap", gap)


if __name__ == "__main__":
    main()
