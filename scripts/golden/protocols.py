"""Golden prompts, extractions and verdicts for internal/task's protocols of the LoRA papers.

    python scripts/golden/protocols.py    (in the project's root; needs CPython only)

writes internal/task/testdata/protocols.json. The rules are those of
commonsense_evaluate.py, evaluate.py and finetune.py (AGI-Edgerunners/LLM-Adapters
@8166572, Apache-2.0) and of eval_gsm8k.py and train_math.py (meta-math/MetaMath
@fe667b1, Apache-2.0), told again in Python, so that its re, float, round and strip
decide. Records and texts are made up.
"""

import fractions
import json
import math
import pathlib
import random
import re

OPTIONS = {
    "boolq": "true|false",
    "piqa": "solution1|solution2",
    "social_i_qa": "answer1|answer2|answer3|answer4|answer5",
    "hellaswag": "ending1|ending2|ending3|ending4",
    "winogrande": "option1|option2",
    "arc_easy": "answer1|answer2|answer3|answer4|answer5",
    "arc_challenge": "answer1|answer2|answer3|answer4|answer5",
    "openbookqa": "answer1|answer2|answer3|answer4|answer5",
}
SPACES = " " * 16


def sections(intro, gap, *parts):
    """LLM-Adapters' layout: every line of the f-string indented, the text ends in the last indent."""
    return intro + "\n\n" + ("\n" + gap + "\n").join(f"{SPACES}{name}\n{SPACES}{text}" for name, text in parts)


def adapters_question(instruction):
    intro = "Below is an instruction that describes a task. Write a response that appropriately completes the request. "
    return sections(intro, "", ("### Instruction:", instruction), ("### Response:", ""))


def adapters_training(instruction, text):
    if text:
        intro = ("Below is an instruction that describes a task, paired with an input that provides further context. "
                 "Write a response that appropriately completes the request. ")
        return sections(intro, SPACES, ("### Instruction:", instruction), ("### Input:", text), ("### Response:", ""))
    intro = "Below is an instruction that describes a task. Write a response that appropriately completes the request.  "
    return sections(intro, SPACES, ("### Instruction:", instruction), ("### Response:", ""))


def written(output):
    """What the scripts look at: decoded prompt and continuation, between the first two marks."""
    return (adapters_question("q") + output).split("### Response:")[1].strip()


def first_option(dataset, output):
    found = re.findall(OPTIONS[dataset], written(output).strip())
    return found[0] if found else ""


def last_number(output):
    found = re.findall(r"-?\d+\.?\d*", written(output).replace(",", ""))
    return float(found[-1]) if found else None


def first_letter(output):
    found = re.findall("A|B|C|D|E", written(output).strip())
    return found[0] if found else ""


def metamath_question(query):
    return ("Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
            f"### Instruction:\n{query}\n\n### Response: Let's think step by step.")


def is_number(s):
    try:
        float(s)
        return True
    except ValueError:
        return False


def metamath_number(completion):
    parts = completion.split("The answer is: ")
    match = re.search(r"[\-+]?\d*[\.,/]?\d+", parts[-1].strip()) if len(parts) > 1 else None
    if not match:
        return None
    found = match.group()
    try:
        if "/" not in found:
            value = float(found.replace(",", ""))
            return None if value == math.inf else round(value)
        numerator, denominator = found.split("/")
        if not is_number(numerator) or not is_number(denominator):
            return None
        if denominator == "0":
            return round(float(numerator))
        fraction = fractions.Fraction(found)
        return round(fraction.numerator / fraction.denominator)
    except (ZeroDivisionError, OverflowError):
        return None  # the original stops with the error


STOPS = ["Question:", "Question", "USER:", "USER", "ASSISTANT:", "ASSISTANT", "Instruction:", "Instruction", "Response:", "Response"]


def cut(text):
    return text[:min([text.find(s) for s in STOPS if s in text], default=len(text))]


def texts(draw, pieces, n):
    return ["".join(draw.choice(pieces) for _ in range(draw.randrange(1, 7))) for _ in range(n)]


def main():
    draw = random.Random(3)
    out = {"commonsense": [], "math": [], "metamath": []}

    pieces = ["the correct answer is ", "true", "false", "True", "solution1", "solution2", "answer1", "answer5", "answer", "Answer2",
              "answer12", "ending3", "ending4", "option2", "option1/option2", " ", "\n", "\u3000", "### Response:", "a", ".", "untrue"]
    for dataset, pattern in OPTIONS.items():
        options = pattern.split("|")
        for i, text in enumerate(["", "true false", "the correct answer is " + options[-1]] + texts(draw, pieces + 3 * options, 9)):
            offered = options[: 2 + i % (len(options) - 1)]
            named = first_option(dataset, text)
            gold = named if i % 3 and named in offered else draw.choice(offered)
            record = {"instruction": f"Choose {i}:\n\n{{x}} % é Ending1\n\nAnswer format: {'/'.join(offered)}", "input": ["", "some input"][i % 5 == 4],
                      "output": "the correct answer is " + gold, "answer": gold}
            row = {"task": "llm_adapters_" + dataset, "record": record, "choices": offered, "text": text, "found": named, "right": named == gold}
            if i in (0, 4):  # without and with an input
                row["prompt"], row["training"] = adapters_question(record["instruction"]), adapters_training(record["instruction"], record["input"])
            out["commonsense"].append(row)

    pieces = ["4", "12", "-", "-3", ".", ".5", ",", ",000", " ", "= ", "\n", "$", "The answer is ", "٣", "１２", "x", "### Response: 9", "1e3", "B", "(C)", "A"]
    for i, text in enumerate(["", "The answer is 1,234.", "3.0009", "3.0011", "5.", "no", "\u2212 7", "9" * 400] + texts(draw, pieces, 42)):
        if i % 4 == 3:
            gold, found = "ABCDE"[i % 5], first_letter(text)
            right = found == gold
        else:
            found = last_number(text)
            gold = ["3.0", "4.0", "12", 12.5, "1234.0", -3][i % 6]
            if i > 7 and i % 4 and found is not None and abs(found) < 1e9:
                gold = str(found + [0, 0.0009, -0.0011][i % 3])
            right = found is not None and abs(float(gold) - found) <= 0.001
        out["math"].append({"answer": gold, "text": text, "none": found in (None, ""), "right": right})

    pieces = ["The answer is: ", "The answer is: ", "The answer is ", "#### 7", "12", "1,234", ",567", "-", "+", "/", "2", "0", ".5", "2.5", "3.5", "$",
              " ", "\n", "٣", "１２", "The answer is:", "x = ", "%", "Response", "USER"]
    queries = ["How many?", "Two lines.\nHow many?", "{curly} %s \\n"]
    random_texts = [["", "The answer is: ", "The answer is: $"][i % 3] + text for i, text in enumerate(texts(draw, pieces, 60))]
    for i, text in enumerate(["The answer is: 72", "The answer is: $1,234,567", "The answer is: 2.5", "The answer is: 3.5", "The answer is: -0.5",
                              "The answer is: 7/2", "The answer is: 5/0", "The answer is: 5/00", "The answer is: /5", "The answer is: -/5",
                              "The answer is: 1/3 The answer is: ", "The answer is: .", "The answer is: " + "9" * 400, "The answer is: -" + "9" * 400,
                              "The answer is: 9007199254740993", "Question: The answer is: 4", "no"] + random_texts):
        value = metamath_number(cut(text))
        gold = value if value is not None and i % 4 else [72, 1234, 2, 4, 0, 3, 5][i % 7]
        row = {"query": queries[i % 3], "response": f"So it is {gold}.\n#### {gold:,}" + ["", " \n"][i % 2], "text": text,
               "found": value is not None, "right": value is not None and float(value) == float(gold)}
        if i < 3:
            row["prompt"] = metamath_question(row["query"])
        out["metamath"].append(row)

    path = pathlib.Path("internal/task/testdata/protocols.json")
    path.write_text("{" + ",\n".join(json.dumps(k) + ": [\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]" for k, rows in out.items()) + "}\n")
    for name, rows in out.items():
        print(name, len(rows), sum(r["right"] for r in rows), "right")


if __name__ == "__main__":
    main()
