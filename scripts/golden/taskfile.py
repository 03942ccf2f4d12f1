"""Writes internal/eval/testdata/own.json: what lm-evaluation-harness makes of the
made-up task files in internal/eval/testdata/own, and their documents.

    python scripts/golden/taskfile.py    (in the project's root; needs lm-eval 0.4.13)

The model answers from a hash of the text, as in lmeval.py.
"""

import hashlib
import json
import os
import pathlib
import tempfile

os.environ["HF_HOME"] = tempfile.mkdtemp()
os.environ["HF_HUB_OFFLINE"] = "1"

from lm_eval import evaluator
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks._yaml_loader import load_yaml

OWN = pathlib.Path("internal/eval/testdata/own")
NAMES = ["words", "swag", "sentiment", "quiz", "plain"]
REPLIES = ["1", " The answer is two. Or the answer is (c)", "(C) 7", "it's", "", " the 3\nline", "12"]


def write(name, rows):
    (OWN / f"{name}.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))


def documents():
    nouns = ["heron", "Äpfel", "鯨", "it's \"so\"", "tea"]
    write("words", [{"text": f"the {a} saw {i} {nouns[i - 1]}", "kind": a} for i, a in enumerate(nouns)])
    write("words_train", [{"text": f"we like {a}  twice", "kind": "x"} for a in nouns])
    write("sentiment", [{"text": f"{a} {i}", "good": [True, False, None][i % 3], "stars": [1.0, 2.5, 1e-7][i % 3]} for i, a in enumerate(nouns + nouns[:2])])
    write("quiz", [{"q": f"{a}?\n\nor not", "a": ["1", "two", "(C)", "it's", "the 3"][i], "n": [1, 12, 3, 7, 0][i]} for i, a in enumerate(nouns)])


def number(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:6], 16)


class Hashed(LM):
    def loglikelihood(self, requests):
        return [(-number(c + t) / 4096, number(c + t) % 2 == 0) for c, t in (r.args for r in requests)]

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        return [REPLIES[number(r.args[0]) % len(REPLIES)] for r in requests]


def main():
    documents()
    configs = []
    for name in NAMES:
        config = load_yaml(OWN / f"{name}.yaml")
        files = config["dataset_kwargs"]["data_files"]
        config["dataset_kwargs"] = {"data_files": {k: str((OWN / v).resolve()) for k, v in files.items()}}
        configs.append(config)
    tracker = EvaluationTracker(output_path=tempfile.mkdtemp())
    results = evaluator.simple_evaluate(Hashed(), tasks=configs, log_samples=True, evaluation_tracker=tracker)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    out = pathlib.Path(tracker.output_path)
    for name in samples:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    saved = json.loads(next(out.rglob("results_*.json")).read_text())
    keep = ["results", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes"]
    golden = {k: saved[k] for k in keep} | {"samples": {n: next(out.rglob(f"samples_{n}_*.jsonl")).read_text().splitlines() for n in NAMES}}
    (OWN.parent / "own.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


main()
