"""Reads the event files of `stablelora report RUN --tensorboard DIR` with
TensorBoard itself and compares every scalar with the run's own files.

    pip install tensorboard
    stablelora report runs/quickstart --tensorboard events
    python scripts/compare/events.py runs/quickstart events/quickstart
"""
import json
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def expected(run):
    for line in (run / "metrics.jsonl").open():
        row = json.loads(line)
        if "learning_rate" in row:
            for key in "loss", "learning_rate", "grad_norm":
                yield f"train/{key}", row["step"], row[key]
        elif "eval_loss" in row:
            yield "eval/loss", row["step"], row["eval_loss"]
        for task, metrics in row.get("tasks", {}).items():
            for name, value in metrics.items():
                yield f"eval/{task}/{name}", row["step"], value
    for line in (run / "stability.jsonl").open():
        row = json.loads(line)
        for key in "norm_a", "norm_b", "shrinking", "delta1", "delta2", "delta3":
            if key in row:
                yield f"{key}/{row['module']}", row["step"], float(row[key])


def float32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


run, events = map(pathlib.Path, sys.argv[1:])
accumulator = EventAccumulator(str(events), size_guidance={"scalars": 0})
accumulator.Reload()
have = {(tag, e.step): e.value for tag in accumulator.Tags()["scalars"] for e in accumulator.Scalars(tag)}
want = {(tag, step): float32(value) for tag, step, value in expected(run)}
wrong = [k for k, v in want.items() if have.get(k) != v]
extra = [k for k in have if k not in want and not k[0].startswith("stop_ratio/")]
print(f"{len(want)} scalars of {run}, {len(wrong)} missing or different, {len(extra)} that no file holds")
sys.exit(bool(wrong or extra or not want))
