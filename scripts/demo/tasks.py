"""Writes the two data sets, HellaSwag's and GSM8K's formats, train and held-out, to internal/demo/data.

    python scripts/demo/tasks.py

Train and held-out share no person and no chain of numbers, and half of the held-out stories are of activities that the
training file does not have.
"""

import json
import pathlib
import random
import zlib

from world import HELD_OUT_ACTIVITIES, MOODS, PEOPLE, WORLD, capital, sums

HERE = pathlib.Path(__file__).parent
OUT = HERE.parent.parent / "internal" / "demo" / "data"
SEED = 7
TRAIN, TEST = 720, 300

NEW = WORLD[-HELD_OUT_ACTIVITIES:]       # activities fine-tuning never sees
KNOWN = WORLD[:-HELD_OUT_ACTIVITIES]
NEW_PEOPLE = [p for i, p in enumerate(PEOPLE) if i % 3 == 0]
KNOWN_PEOPLE = [p for i, p in enumerate(PEOPLE) if i % 3 != 0]


def hellaswag_item(rng, activities, people):
    """One story and four endings: its activity's steps but the first, of which one comes next.

    The endings are the same in every story of an activity, and each is right equally often: without the story they say
    nothing about which is right.
    """
    activity = rng.choice(activities)
    name, pronoun = rng.choice(people)
    k = rng.randrange(1, len(activity.does))   # the right ending
    told, right = activity.does[k - 1], activity.does[k]
    ctx_a = f"{name} {told}." if rng.random() < 0.5 else f"{name} {rng.choice(MOODS)}. {capital(pronoun)} {told}."
    ctx_b = capital(pronoun)
    endings = rng.sample(activity.does[1:], 4)
    return {"activity_label": activity.label, "ctx_a": ctx_a, "ctx_b": ctx_b, "ctx": f"{ctx_a} {ctx_b}",
            "endings": [step + "." for step in endings], "label": endings.index(right)}


def gsm8k_item(rng, people, held_out):
    """One word problem whose chain of numbers belongs to the wanted side of the split."""
    while True:
        s = sums(rng, people)
        if (zlib.crc32(repr(s.chain).encode()) % 4 == 0) == held_out:
            break
    pronoun = dict(people)[s.who]
    ask = "do they have together" if s.kind == "more" else f"does {s.who} have now"
    subjects = [f"{s.who} has"] + [f"Then {pronoun} has"] * (len(s.chain) - 1)
    if s.kind == "more":
        subjects = [f"{s.other} has", "Together they have"]
    lines = [f"{subject} {a}{op}{b}=<<{a}{op}{b}={c}>>{c} {s.thing}."
             for subject, (a, op, b, c) in zip(subjects, s.chain)]
    return {"question": f"{' '.join(s.facts)} How many {s.thing} {ask}?",
            "answer": "\n".join(lines + [f"#### {s.result}"])}


def unique(make, count):
    """count items, no two with the same story (of which the right ending follows) or question."""
    items = {}
    while len(items) < count:
        item = make()
        items.setdefault(item.get("question") or (item["activity_label"], item["ctx"]), item)
    return list(items.values())


def write(name, items):
    with open(OUT / name, "w", encoding="utf-8", newline="\n") as f:
        for item in items:
            f.write(json.dumps(item) + "\n")
    print(name, len(items), "items")


def main():
    rng = random.Random(SEED)
    OUT.mkdir(parents=True, exist_ok=True)
    train = unique(lambda: hellaswag_item(rng, KNOWN, KNOWN_PEOPLE), TRAIN)
    test = (unique(lambda: hellaswag_item(rng, KNOWN, NEW_PEOPLE), TEST // 2)
            + unique(lambda: hellaswag_item(rng, NEW, NEW_PEOPLE), TEST - TEST // 2))
    rng.shuffle(test)
    for split, items in [("train", train), ("val", test)]:
        name = "hellaswag_train.jsonl" if split == "train" else "hellaswag_test.jsonl"
        write(name, [{"ind": i, **item, "split": split} for i, item in enumerate(items)])
    write("gsm8k_train.jsonl", unique(lambda: gsm8k_item(rng, KNOWN_PEOPLE, False), TRAIN))
    write("gsm8k_test.jsonl", unique(lambda: gsm8k_item(rng, NEW_PEOPLE, True), TEST))


if __name__ == "__main__":
    main()
