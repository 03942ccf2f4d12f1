"""lm-evaluation-harness' hf backend on local files, in a process of its own; writes what it measured as JSON.

    python lmeval_worker.py --task hellaswag --data FILE --model DIR --batch 8 --dtype float32 --threads 2 --output FILE
    python lmeval_worker.py --task gsm8k --data FILE --fewshot FILE --shots 5 --new-tokens 64 ...

The harness' own task definitions; only the data source is replaced. Timed is the model's part, requests
to answers, without imports, loading, wording and statistics.
"""

import argparse
import json
import os
import pathlib
import resource
import tempfile
import time

os.environ["HF_HOME"] = tempfile.mkdtemp()
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from lm_eval import evaluator, tasks
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml

YAML = {"hellaswag": "hellaswag/hellaswag.yaml", "gsm8k": "gsm8k/gsm8k.yaml", "gsm8k_cot": "gsm8k/gsm8k-cot.yaml"}


class Timed(HFLM):
    seconds = 0.0

    def timed(self, answer, requests):
        began = time.perf_counter()
        out = answer(requests)
        self.seconds += time.perf_counter() - began
        return out

    def loglikelihood(self, requests, disable_tqdm=True):
        return self.timed(super().loglikelihood, requests)

    def generate_until(self, requests, disable_tqdm=True):
        return self.timed(super().generate_until, requests)


def config(args):
    c = load_yaml(pathlib.Path(tasks.__file__).parent / YAML[args.task])
    splits = {v for k, v in c.items() if k.endswith("_split") and v}
    files = {v: str(args.fewshot if v == "train" and args.fewshot else args.data) for v in splits}
    for key in ("tag", "dataset_name"):
        c.pop(key, None)
    if args.new_tokens:
        c["generation_kwargs"] = c["generation_kwargs"] | {"max_gen_toks": args.new_tokens}
    return c | {"task": args.task, "dataset_path": "json", "dataset_kwargs": {"data_files": files}}


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "data", "fewshot", "output"):
        parser.add_argument("--" + name, type=pathlib.Path)
    for name in ("batch", "threads", "shots", "new-tokens"):
        parser.add_argument("--" + name, type=int)
    parser.add_argument("--task", choices=YAML, required=True)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], required=True)
    args = parser.parse_args()
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    torch.set_num_threads(args.threads)
    lm = Timed(pretrained=str(args.model), dtype=args.dtype, batch_size=args.batch, device="cpu")
    results = evaluator.simple_evaluate(lm, tasks=[config(args)], num_fewshot=args.shots, log_samples=True, bootstrap_iters=0)
    answers = [s["resps"] for s in sorted(results["samples"][args.task], key=lambda s: s["doc_id"])]
    if args.task == "hellaswag":
        answers = [[choice[0][0] for choice in a] for a in answers]
    else:  # one row for each of two filters
        answers = [a[0][0] for a in answers[::2]]
    args.output.write_text(json.dumps({"seconds": lm.seconds, "answers": answers, "import_rss_bytes": imported}))


if __name__ == "__main__":
    main()
