"""Does `stablelora eval` give lm-evaluation-harness's numbers?

    python scripts/compare/lmeval.py --data ../shared/data MODEL... [--limit 200] [--gen-limit 10] [--only hellaswag,gsm8k]

Asks every model the tasks' questions with both programs, zero-shot, few-shot and,
where the checkpoint has one, with its chat template; compares each request, each
log-likelihood, each generated text, each filtered answer and each figure, and
prints a table. Exits with 1 unless requests, texts and figures are equal and
log-likelihoods agree to 1e-3 + 1e-5 relative. Needs go and lm-eval 0.4.13.

The harness's own task definitions are used; only their data sources are
replaced by local files, brought into the hub's schema. piqa, winogrande and
boolq, of which that folder has no data, are asked on internal/eval/testdata.
"""

import argparse
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ |= {"HF_HOME": tempfile.mkdtemp(), "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}

import torch
from lm_eval import evaluator, tasks as lm_tasks
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml
from transformers import PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
TASKS = pathlib.Path(lm_tasks.__file__).parent
YAML = {
    "hellaswag": "hellaswag/hellaswag.yaml", "arc_easy": "arc/arc_easy.yaml", "arc_challenge": "arc/arc_challenge.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml", "social_iqa": "siqa/siqa.yaml", "piqa": "piqa/piqa.yaml",
    "winogrande": "winogrande/default.yaml", "boolq": "super_glue/boolq/default.yaml", "gsm8k": "gsm8k/gsm8k.yaml",
    "gsm8k_cot": "gsm8k/gsm8k-cot.yaml", "gsm8k_cot_zeroshot": "gsm8k/gsm8k-cot-zeroshot.yaml", "gsm8k_cot_llama": "gsm8k/gsm8k-cot-llama.yaml",
}
CHOICES = list(YAML)[:8]
POOL = 400  # documents that few-shot examples are drawn from
RUNS = [  # name, tasks, few-shot examples, chat arguments
    ("0-shot", CHOICES, 0, {}),
    ("5-shot", CHOICES, 5, {}),
    ("5-shot", ["gsm8k"], None, {}),
    ("8-shot", ["gsm8k_cot", "gsm8k_cot_llama"], None, {}),
    ("0-shot", ["gsm8k_cot_zeroshot"], None, {}),
    ("chat, 2-shot", ["arc_easy", "winogrande", "gsm8k_cot_llama"], 2, {"fewshot_as_multiturn": True, "system_instruction": "Answer well."}),
    ("chat, one turn", ["social_iqa", "gsm8k"], 2, {"fewshot_as_multiturn": False}),
]


def hellaswag(r):
    first, dot, rest = r["ctx"].rpartition(". ")
    return {"activity_label": r["activity_label"], "ctx_a": first + dot.rstrip(), "ctx_b": rest, "endings": r["endings"], "label": str(r["label"])}


def lettered(texts):
    return {"text": texts, "label": [chr(65 + i) for i in range(len(texts))]}


def arc(r):
    q = r["question"]
    return {"id": r["id"], "question": q["stem"], "choices": {k: [c[k] for c in q["choices"]] for k in ("text", "label")}, "answerKey": r["answerKey"]}


def openbookqa(r):
    return {"question_stem": r["query"], "choices": lettered(r["choices"]), "answerKey": chr(65 + r["gold"])}


def social_iqa(r):
    answers = {f"answer{letter}": o for letter, o in zip("ABC", r["options"])}
    return {"context": r["context"], "question": r["question"]} | answers | {"label": str(r["options"].index(r["answer"]) + 1)}


SOURCES = {  # documents, few-shot pool (or None: the documents' other end), conversion
    "hellaswag": ("hellaswag/part1.jsonl.gz", None, hellaswag),
    "arc_easy": ("arc/arc_easy_test.jsonl", "arc/arc_easy_train.jsonl", arc),
    "arc_challenge": ("arc/arc_challenge_dev.jsonl", "arc/arc_challenge_train.jsonl", arc),
    "openbookqa": ("openbookqa/llm_foundry_test.jsonl", None, openbookqa),
    "social_iqa": ("social_iqa/dev.jsonl", None, social_iqa),
    "gsm8k": ("gsm8k/test-part1.jsonl", "gsm8k/train.jsonl", dict),
}


def read(path):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def prepare(data, folder, most):
    """Files of each data set in the hub's schema: {name: (documents, pool)}, no longer than needed."""
    files = {}
    for name in ("piqa", "winogrande", "boolq"):
        files[name] = tuple(str(ROOT / f"internal/eval/testdata/{name}{suffix}.jsonl") for suffix in ("", "_train"))
    for name, (documents, pool, convert) in SOURCES.items():
        rows = read(data / documents)
        others = read(data / pool)[:POOL] if pool else rows[-POOL:]
        files[name] = tuple(str(folder / f"{name}{suffix}.jsonl") for suffix in ("", "_train"))
        for path, part in zip(files[name], (rows[:most + 1], others)):
            pathlib.Path(path).write_text("".join(json.dumps(convert(r)) + "\n" for r in part))
    return files


def source(name, files):
    return files["gsm8k" if name.startswith("gsm8k") else name]


def config(name, files):
    c = load_yaml(TASKS / YAML[name])
    documents, pool = source(name, files)
    splits = {v for k, v in c.items() if k.endswith("_split") and v}
    for key in ("tag", "dataset_name"):
        c.pop(key, None)
    return c | {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": {s: pool if s == "train" else documents for s in splits}}}


def harness(lm, names, files, shots, limit, tokens, chat):
    configs = [config(name, files) for name in names]
    return evaluator.simple_evaluate(lm, tasks=configs, task_manager=MANAGER, num_fewshot=shots, limit=limit,
                                     gen_kwargs={"max_gen_toks": tokens}, apply_chat_template=bool(chat), **chat)


def ours(binary, model, names, files, shots, limit, tokens, chat, out):
    command = [binary, "eval", "--model", model, "--tasks", ",".join(names), "--limit", str(limit), "--max-gen-toks", str(tokens),
               "--output", str(out), "--log-samples", "--quiet"]
    for name in names:
        documents, pool = source(name, files)
        command += ["--data", f"{name}={documents}"]
        if name in CHOICES + ["gsm8k"] and shots != 0:
            command += ["--fewshot-data", f"{name}={pool}"]
    if shots is not None:
        command += ["--num-fewshot", str(shots)]
    for key, value in ({"apply_chat_template": "true"} | chat if chat else {}).items():
        command.append(f"--{key}={str(value).lower() if isinstance(value, bool) else value}")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return json.loads((out / "results.json").read_text())["results"], {n: read(out / f"samples_{n}.jsonl") for n in names}


def compare(theirs, mine, figures, own):
    """Counts of what differs, and the largest difference of a log-likelihood."""
    bad = {"requests": 0, "likelihoods": 0, "texts": 0, "answers": 0, "figures": 0}
    worst = 0.0
    if len(theirs) != len(mine):
        bad["requests"] += 1
    for a, b in zip(theirs, mine):
        arguments = [list(x) for x in a["arguments"]]
        bad["requests"] += arguments != [list(x.values()) for x in b["arguments"].values()] or any(a[k] != b[k] for k in ("prompt_hash", "doc_hash", "target_hash"))
        if isinstance(arguments[0][1], dict):
            bad["texts"] += a["resps"] != b["resps"]
            bad["answers"] += a["filtered_resps"] != b["filtered_resps"]
        else:
            for ((x, greedy),), ((y, mark),) in zip(a["resps"], b["resps"]):
                difference = abs(x - float(y))
                worst = max(worst, difference)
                bad["likelihoods"] += not difference <= 1e-3 + 1e-5 * abs(x) or str(greedy) != mark
    for key, value in figures.items():
        if "," in key:
            bad["figures"] += own.get(key) != value and not (value == "N/A" == own.get(key))
    return bad, worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with hellaswag, arc, openbookqa, social_iqa, gsm8k")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--gen-limit", type=int, default=10, help="documents that are answered by writing")
    parser.add_argument("--max-gen-toks", type=int, default=32)
    parser.add_argument("--only", default=",".join(YAML), help="tasks, separated by commas")
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        binary = str(tmp / "stablelora")
        subprocess.run(["go", "build", "-o", binary, "./cmd/stablelora"], check=True, cwd=ROOT)
        files = prepare(args.data, tmp, max(args.limit, args.gen_limit))
        print("| model | | task | n | figures | largest difference of a log-likelihood | |\n|---|---|---|---:|---|---:|---|")
        for model in args.models:
            # tokenizer.json as it is: AutoTokenizer makes some models' anew from their vocabulary, and otherwise
            lm = HFLM(pretrained=model, tokenizer=PreTrainedTokenizerFast.from_pretrained(model), dtype="float32", device="cpu", batch_size=1)
            for run, names, shots, chat in RUNS:
                names = [n for n in names if n in args.only.split(",")]
                if not names or chat and not lm.tokenizer.chat_template:
                    continue
                for group, limit in (([n for n in names if n in CHOICES], args.limit), ([n for n in names if n not in CHOICES], args.gen_limit)):
                    if not group:
                        continue
                    theirs = harness(lm, group, files, shots, limit, args.max_gen_toks, chat)
                    with tempfile.TemporaryDirectory() as out:
                        results, samples = ours(binary, model, group, files, shots, limit, args.max_gen_toks, chat, pathlib.Path(out))
                    for name in group:
                        failed |= row(model, run, name, theirs, results, samples)
    sys.exit(1 if failed else 0)


def row(model, run, name, theirs, results, samples):
    figures = theirs["results"][name]
    bad, worst = compare(theirs["samples"][name], samples[name], figures, results[name])
    shown = ", ".join(f"{k.replace(',none', '').replace(',', ' ')} {v:.3f}" for k, v in figures.items() if "," in k and "stderr" not in k)
    verdict = ", ".join(f"{n} {what} differ" for what, n in bad.items() if n) or "equal"
    difference = f"{worst:.1g}" if name in CHOICES else ""
    print(f"| {pathlib.Path(model).name} | {run} | {name} | {figures['sample_len']} | {shown} | {difference} | {verdict} |", flush=True)
    return verdict != "equal"


evaluator.add_env_info = lambda _: None  # slow, and not wanted
MANAGER = lm_tasks.TaskManager()
torch.set_grad_enabled(False)

if __name__ == "__main__":
    main()
