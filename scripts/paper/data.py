"""Fetches the Stable-LoRA paper's tasks from the Hugging Face hub, as the files that configs/paper names.

    pip install datasets
    python scripts/paper/data.py OUT [TASK ...]

Each task gets TASK_train, TASK_held_out and TASK_test.jsonl, with the hub's fields. Where the hub has no labelled
third split, the last 1000 training records are held out; they choose among settings and are not trained on.
"""

import argparse
import pathlib

from datasets import load_dataset

CUT = {"train": "train[:-1000]", "held_out": "train[-1000:]"}
SPLITS = {"train": "train", "held_out": "validation", "test": "test"}
TASKS = {  # hub name, its configuration, and the split of each file
    "hellaswag": ("Rowan/hellaswag", None, CUT | {"test": "validation"}),
    "social_iqa": ("lighteval/siqa", None, CUT | {"test": "validation"}),
    "openbookqa": ("allenai/openbookqa", "main", SPLITS),
    "arc_easy": ("allenai/ai2_arc", "ARC-Easy", SPLITS),
    "arc_challenge": ("allenai/ai2_arc", "ARC-Challenge", SPLITS),
    "metamath": ("meta-math/MetaMathQA", None, CUT),
    "gsm8k": ("openai/gsm8k", "main", {"train": "train", "test": "test"}),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; default: all")
    args = parser.parse_args()
    if unknown := set(args.tasks) - set(TASKS):
        parser.error(f"no task {', '.join(sorted(unknown))}; there are {', '.join(TASKS)}")
    args.out.mkdir(parents=True, exist_ok=True)
    for task in args.tasks or TASKS:
        name, config, splits = TASKS[task]
        for part, split in splits.items():
            path = args.out / f"{task}_{part}.jsonl"
            rows = load_dataset(name, config, split=split)
            rows.to_json(path)
            print(path, len(rows))


if __name__ == "__main__":
    main()
