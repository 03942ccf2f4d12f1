"""stablelora's side: the same training and generation through its command line."""

import json
import pathlib
import shutil
import subprocess

import machine

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build(folder):
    binary = folder / "stablelora"
    subprocess.run(["go", "build", "-trimpath", "-o", binary, "./cmd/stablelora"], check=True, cwd=ROOT)
    return binary


def version(binary):
    return json.loads(subprocess.run([binary, "version", "--json"], check=True, stdout=subprocess.PIPE).stdout)


def settings(args, data, steps, compute):
    """The configuration of a run: AdamW at a constant rate and clipping, as in pytorch_worker.py."""
    examples = json.loads((data / "examples.json").read_text())
    return {"model.path": args.model, "model.compute": compute, "lora.init_from": args.work / "data/adapter",
            "data.train": json.dumps([{"path": str(data / "records.jsonl"), "format": "prompt_completion"}]),
            "data.shuffle": "false", "data.max_length": 1 << 16, "data.train_on": examples["train_on"],
            "optimizer.name": "adamw", "optimizer.weight_decay": 0.01, "train.learning_rate": 1e-4, "train.lr_scheduler": "constant",
            "train.max_grad_norm": 1.0, "train.batch_size": examples["batch"], "train.max_steps": steps}


def command(args, data, steps, compute):
    config = args.work / "empty.yaml"
    config.write_text("{}\n")
    line = [args.binary, "train", "--quiet", "--threads", args.threads, "--config", config, "--output", args.work / "run"]
    for key, value in settings(args, data, steps, compute).items():
        line += ["--set", f"{key}={value}"]
    return line


def train(args, data, steps, compute):
    """A run, its rows of metrics.jsonl in pytorch_worker.py's form. A last row's `ended` is when it was written."""
    shutil.rmtree(args.work / "run", ignore_errors=True)
    log = args.work / "ours.json"
    run = machine.run(command(args, data, steps, compute) + ["--json"], log)
    metrics = args.work / "run/metrics.jsonl"
    rows, before = [], 0.0
    for line in metrics.open():
        row = json.loads(line)
        rows.append({"loss": row["loss"], "grad_norm": row["grad_norm"], "seconds": row["elapsed_seconds"] - before,
                     "tokens": row["tokens"], "computed_tokens": row["tokens"], "supervised_tokens": row["supervised_tokens"]})
        before = row["elapsed_seconds"]
    rows[-1]["ended"] = metrics.stat().st_mtime
    return run | {"steps": rows, "own_peak_rss_bytes": json.loads(log.read_text())["peak_rss_bytes"]}


def generate(args, compute, new_tokens):
    """Three processes, as the program does not tell prompt from decode: one token, the prompt, the prompt and all new tokens."""
    prompts, log = args.work / "data", args.work / "ours.json"

    def run(name, new):
        line = [args.binary, "generate", "--json", "--quiet", "--threads", args.threads, "--model", args.model,
                "--compute", compute, "--max-new-tokens", new, "--prompt", (prompts / name).read_text()]
        return machine.run(line, log) | json.loads(log.read_text())

    short, prompt, whole = run("one.txt", 1), run("prompt.txt", 1), run("prompt.txt", new_tokens)
    return {"short_seconds": short["wall_seconds"], "prompt_seconds": prompt["wall_seconds"], "whole_seconds": whole["wall_seconds"],
            "ids": whole["ids"], "wall_seconds": whole["wall_seconds"], "peak_rss_bytes": whole["peak_rss_bytes"]}


def bench(args, tokens):
    log = args.work / "ours.json"
    machine.run([args.binary, "bench", "--json", "--quiet", "--threads", args.threads, "--preset", args.preset, "--compute", args.compute,
                 "--tokens", tokens, "--steps", args.steps], log)
    return json.loads(log.read_text())
