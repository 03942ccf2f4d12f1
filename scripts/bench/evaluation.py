"""The evaluation scenarios: data for both sides, stablelora's runs and the harness', and whether they answer alike."""

import gzip
import json
import shutil
import sys

import machine

HERE = machine.HERE


def lines(path):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as f:
        return [json.loads(line) for line in f if line.strip()]


def spread(rows, n):
    """n rows, evenly over all of them: files are often sorted by length or kind."""
    return [rows[i * len(rows) // n] for i in range(n)]


def prepare(args, scenario):
    """Writes the documents as the harness' task reads them; both sides take this file."""
    rows = spread(lines(args.hellaswag if scenario == "hellaswag" else args.gsm8k), args.documents)
    for row in rows:
        if scenario == "hellaswag" and "ctx_a" not in row:
            row |= {"ctx_a": row.pop("ctx"), "ctx_b": "", "label": str(row["label"])}
    path = args.work / f"{scenario}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def ours(args, scenario, data, compute):
    """Two processes, as the program does not tell loading from answering: one document with at most one new token, and all of them."""
    out = args.work / "evaluation"
    line = [args.binary, "eval", "--quiet", "--threads", args.threads, "--model", args.model, "--compute", compute, "--tasks", scenario,
            "--data", f"{scenario}={data}", "--log-samples", "--output", out]
    if scenario == "gsm8k":
        line += ["--fewshot-data", f"gsm8k={args.gsm8k_train}", "--num-fewshot", args.shots]

    def run(limit, new):
        shutil.rmtree(out, ignore_errors=True)
        return machine.run(line + ["--limit", limit, "--max-gen-toks", new], args.work / "ours.log")

    one, whole = run(1, 1), run(args.documents, args.new)
    samples = lines(out / f"samples_{scenario}.jsonl")
    if scenario != "hellaswag":
        answers = [s["resps"][0][0] for s in samples if s["filter"] == samples[0]["filter"]]
    else:
        answers = [[float(choice[0][0]) for choice in s["resps"]] for s in samples]
    return whole | {"seconds": whole["wall_seconds"] - one["wall_seconds"], "timed_documents": args.documents - 1, "answers": answers}


def harness(args, scenario, data, batch, dtype):
    out = args.work / "harness.json"
    line = [sys.executable, HERE / "lmeval_worker.py", "--task", scenario, "--data", data, "--model", args.model, "--batch", batch,
            "--dtype", dtype, "--threads", args.threads, "--output", out]
    if scenario == "gsm8k":
        line += ["--fewshot", args.gsm8k_train.resolve(), "--shots", args.shots]
    if scenario != "hellaswag":
        line += ["--new-tokens", args.new]
    run = machine.run(line, args.work / "harness.log")
    return run | json.loads(out.read_text()) | {"timed_documents": args.documents}
