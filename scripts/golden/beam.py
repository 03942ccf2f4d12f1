"""Golden beam searches for internal/infer, by transformers' generate.

    python scripts/golden/beam.py

writes internal/infer/testdata/beam.json from the random models of
internal/model/testdata and from the demo model, whose weights say what they mean.
Float32, one thread, eager attention. Needs torch and transformers.

    python scripts/golden/beam.py MODEL QUESTIONS.json N TOKENS SAMPLES.jsonl

asks MODEL N of LLM-Adapters' questions in their evaluation prompt, with 4 beams and
TOKENS new tokens, and counts the texts that are those of SAMPLES.jsonl, which
`stablelora eval --log-samples` wrote (docs/evaluation.md).
"""

import json
import pathlib
import random
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMPT = """Below is an instruction that describes a task. Write a response that appropriately completes the request.\x20

                ### Instruction:
                {}

                ### Response:
                """


def load(path):
    with tempfile.TemporaryDirectory() as base:  # from_pretrained would put an adapter beside the model onto it
        for file in pathlib.Path(path).glob("*.*"):
            if file.name != "adapter_config.json":
                (pathlib.Path(base) / file.name).symlink_to(file.resolve())
        return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager").eval()


def search(model, prompt, beams, max_new, eos):
    config = GenerationConfig(temperature=0.1, top_p=0.75, top_k=40, num_beams=beams, eos_token_id=eos, pad_token_id=0)
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), generation_config=config,
                         max_new_tokens=max_new, return_dict_in_generate=True, output_scores=True)
    new = out.sequences[0, len(prompt):].tolist()
    end = next((i for i, t in enumerate(new) if t in eos), len(new))
    return {"prompt": prompt, "beams": beams, "max_new_tokens": max_new, "eos": eos, "ids": new[:end],
            "ended": end < len(new), "score": out.sequences_scores[0].item()}


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    draw = random.Random(5)
    models = []
    for name in ["qwen2", "llama3", "qwen3-yarn"]:
        model, rows = load(ROOT / "internal/model/testdata" / name), []
        for i in range(16):
            prompt = [draw.randrange(3, 40) for _ in range(draw.randrange(1, 14))]
            eos = draw.sample(range(40), [1, 3, 6, 9][i % 4])
            rows.append(search(model, prompt, [2, 4, 3, 7][i // 4], [1, 8, 24][i % 3], eos))
        models.append({"model": f"internal/model/testdata/{name}", "rows": rows})

    demo = ROOT / "internal/demo"
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(demo / "model/tokenizer.json"))
    model = load(demo / "model")
    eos = [model.generation_config.eos_token_id]
    texts = [json.loads(line)["ctx"] for line in (demo / "data/hellaswag_test.jsonl").open()][:4]
    texts += ["Question: " + json.loads(line)["question"] + "\nAnswer:" for line in (demo / "data/gsm8k_test.jsonl").open()][:4]
    rows = [search(model, tokenizer(t).input_ids, 4, 32, eos) for t in texts]
    models.append({"model": "internal/demo/model", "rows": rows})

    path = ROOT / "internal/infer/testdata/beam.json"
    lines = [json.dumps(m["model"]) + ": [\n" + ",\n".join(json.dumps(r) for r in m["rows"]) + "\n]" for m in models]
    path.write_text("{" + ",\n".join(lines) + "}\n")
    print(path, sum(r["ended"] for m in models for r in m["rows"]), "ended with a token")


@torch.no_grad()
def compare(path, questions, n, max_new, samples):
    torch.set_num_threads(1)
    tokenizer, model = PreTrainedTokenizerFast(tokenizer_file=f"{path}/tokenizer.json"), load(path)
    eos = model.generation_config.eos_token_id
    ours = [json.loads(line)["resps"][0][0] for line in open(samples)]
    same = set()
    for i, q in enumerate(json.load(open(questions))[: int(n)]):
        row = search(model, tokenizer(PROMPT.format(q["instruction"])).input_ids, 4, int(max_new), eos if isinstance(eos, list) else [eos])
        text = tokenizer.decode(row["ids"], skip_special_tokens=True).split("### Response:")[0]
        if text == ours[i]:
            same.add(i)
        else:
            print(f"question {i}, {len(row['prompt'])} tokens: {text!r}, ours {ours[i]!r}")
    print(f"{len(same)} of {len(ours)} texts are the same")


if __name__ == "__main__":
    compare(*sys.argv[1:]) if len(sys.argv) > 1 else main()
