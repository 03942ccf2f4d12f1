"""Writes internal/task/testdata/patterns.json: what Python and the harness's
filters make of patterns and texts.

    python scripts/golden/patterns.py    (in the project's root; needs lm-eval 0.4.13)
"""

import itertools
import json
import pathlib
import re

from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.filters.extraction import RegexFilter

OUT = pathlib.Path("internal/task/testdata/patterns.json")
TEXTS = ["", "The answer is 12.", "a (B) c (D)\n", "x = 1,234.50 kg", "١٢ and 7", "Été_1 \x1f\u00a0b", "(A)", "a.b.\n", "a\nb\nc.", "ab12cd34", "]-[", "e\u0301a", "ſS"]
PATTERNS = [
    r"\d+", r"\D", r"[\d,.]+", r"\w+", r"\W", r"[\w-]+", r"\s", r"\S+", r"\(([A-D])\)", r"(\d+)|([A-Z])", r"answer is (\-?[0-9\.\,]+).", r"\.$", r"b|c\.$", r"[a-z]$", r"(?m)[a-z]$", r"(?s)a.*c", r"(?i)s",
    r"\w{,2}", r"[]-]", r"[^]]", r"a{2,}", r"(?P<x>\d)(?:\w)", r"\Ax", r"kg\Z", r"\u00e9|\xc9", r"[\-\]]", r"\#|\-|\ ", r"(?:x = )?([0-9.,]+)", r"^\(|\)$", r"(b)?c", r"\t", r"[a-z\s]+",
]


def findall(pattern):
    return [[RegexFilter(pattern, i, "none").apply([[t]], [])[0][0] for i in (0, -1)] for t in TEXTS]


exact = []
for options in [{}, {"ignore_case": True}, {"ignore_punctuation": True}, {"ignore_numbers": True}, {"ignore_case": True, "ignore_punctuation": True, "regexes_to_ignore": ["the ", r"\.$"]}]:
    for a, b in itertools.product(["The Cat.", "cat", "Cat.\n", "c-a_t1", "ΑΣ", "ας", ""], repeat=2):
        exact.append({"options": options, "answer": a, "reference": b, "match": bool(exact_match_hf_evaluate(predictions=[a], references=[b], **options)["exact_match"])})

OUT.write_text(json.dumps({
    "texts": TEXTS,
    "patterns": [{"pattern": p, "found": findall(p), "deleted": [re.sub(p, "", t) for t in TEXTS]} for p in PATTERNS],
    "exact": exact,
}) + "\n")
