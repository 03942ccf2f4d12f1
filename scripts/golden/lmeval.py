"""Writes the small offline fixtures of internal/task and internal/eval.

    python scripts/golden/lmeval.py    (in the project's root; needs lm-eval 0.4.13)

The documents are made up here, awkward on purpose. lm-evaluation-harness words
them with its own task definitions (only the data source is replaced), puts the
questions to a model that answers from a hash of the text, and writes its own
results, samples and table.
"""

import hashlib
import json
import os
import pathlib
import shutil
import tempfile

os.environ["HF_HOME"] = tempfile.mkdtemp()
os.environ["HF_HUB_OFFLINE"] = "1"

from lm_eval import evaluator, tasks as lm_tasks, utils
from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.api.model import LM, TemplateLM
from lm_eval.filters.extraction import RegexFilter
from lm_eval.loggers import EvaluationTracker
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml
from lm_eval.tasks.hellaswag.utils import preprocess
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

evaluator.add_env_info = lambda _: None  # slow, and not kept
MANAGER = lm_tasks.TaskManager()

EVAL = pathlib.Path("internal/eval/testdata")
TASK = pathlib.Path("internal/task/testdata")
ROOT = pathlib.Path(lm_tasks.__file__).parent
YAML = {
    "hellaswag": "hellaswag/hellaswag.yaml",
    "arc_easy": "arc/arc_easy.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "social_iqa": "siqa/siqa.yaml",
    "piqa": "piqa/piqa.yaml",
    "winogrande": "winogrande/default.yaml",
    "boolq": "super_glue/boolq/default.yaml",
    "gsm8k": "gsm8k/gsm8k.yaml",
    "gsm8k_cot": "gsm8k/gsm8k-cot.yaml",
    "gsm8k_cot_zeroshot": "gsm8k/gsm8k-cot-zeroshot.yaml",
    "gsm8k_cot_llama": "gsm8k/gsm8k-cot-llama.yaml",
}
NOUNS = ["heron", "Äpfel", "鯨", "ΟΔΟΣ", "[title] mill", "e\u0301cole", "  pond", "lamp\u00a0post", "tea", "it's \"so\""]


def data(task):
    """The task whose documents it shares."""
    return "gsm8k" if task.startswith("gsm8k") else task


def docs(task, n, start):
    """n made-up documents; numbers start onwards."""
    return [DOC[task](i, NOUNS[i % len(NOUNS)], NOUNS[(3 * i + 1) % len(NOUNS)]) for i in range(start, start + n)]


def hellaswag(i, a, b):
    return {
        "ind": i,
        "activity_label": ["Making tea", "[header] Rowing ", "Cutting  wood"][i % 3],
        "ctx_a": f"[header] A man looks at the {a}. [title] He holds a {b}.  ",
        "ctx_b": ["", f"the MAN takes {a} to ΟΔΟΣ. [step]", "İt is ΑΣ."][i % 3],
        "ctx": "unused",
        "endings": [f"sees {a}. [substeps] Again  and   again.", f" and {b} sleeps. [title] Ends", f"[step] {a}", f"goes {i}."],
        "label": str(i % 4),
    }


def arc(i, a, b):
    letters = [["A", "B", "C", "D"], ["1", "2", "3"], ["A", "B", "C", "D", "E"]][i % 3]
    return {
        "id": f"d{i}",
        "question": f"Which of {a} and {b} is {i}? ",
        "choices": {"text": [f"{a} {x}" for x in letters], "label": letters},
        "answerKey": letters[i % len(letters)],
    }


DOC = {
    "hellaswag": hellaswag,
    "arc_easy": arc,
    "openbookqa": lambda i, a, b: {
        "id": f"o{i}",
        "question_stem": ["", f"A {a} likes ", f"{b} is\n"][i % 3] + f"{a}",
        "choices": {"text": [a, b, f"{a} {b}", "neither"], "label": ["A", "B", "C", "D"]},
        "answerKey": (" " if i % 2 else "") + "ABCD"[i % 4],
    },
    "social_iqa": lambda i, a, b: {
        "context": f"Robin gave {a} away.",
        "question": f"Why {b}?",
        "answerA": f"{a} was old",
        "answerB": f" {b}",
        "answerC": "nobody knows",
        "label": str(i % 3 + 1),
    },
    "piqa": lambda i, a, b: {"goal": f"To clean {a},", "sol1": f"use {b}", "sol2": f"use {b} and soap " * (i % 2 + 1), "label": i % 2},
    "winogrande": lambda i, a, b: {
        "sentence": f"The {a} did not see the {b} because _ was {['asleep', 'too small']['_' in a]}.  ",
        "option1": f"the {a}",
        "option2": f"the {b}",
        "answer": str(i % 2 + 1),
    },
    "boolq": lambda i, a, b: {"question": f"is {a} a {b}", "passage": f"{a} -- {b}\n\u2028{i}", "idx": i, "label": i % 2},
    "gsm8k": lambda i, a, b: {
        "question": f"{a} has {i} apples and gets {i}. How many?",
        "answer": f"{i}+{i}=<<{i}+{i}={2 * i}>>{2 * i} apples.\n#### {[str(2 * i), f'{2 * i},000', f'${2 * i}'][i % 3]}",
    },
}


class Hashed(LM):
    """Answers from a hash of the text, so that any other program can too."""

    def loglikelihood(self, requests):
        return [(-int(hashlib.sha256((c + t).encode()).hexdigest()[:6], 16) / 4096, False) for c, t in (r.args for r in requests)]

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        return [reply(r.args[0]) for r in requests]


def reply(context):
    """The same text our own test model writes, already cut at a stop text."""
    i = int(hashlib.sha256(context.encode()).hexdigest()[:4], 16) % 5
    n = context.split(" apples")[-2].split()[-1]
    two = str(2 * int(n))
    return [f" {n}+{n}\n#### {two}", f" That is {two}. The final answer is ${two}.", f" The answer is {two}", f" #### {n}", f"#### {two},000 or $ 7"][i]


def config(name):
    """A task as the harness has it, on the files made here."""
    config = load_yaml(ROOT / YAML[name])
    splits = {v for k, v in config.items() if k.endswith("_split") and v}
    files = {v: str((EVAL / f"{data(name)}{'_train' if v == 'train' else ''}.jsonl").resolve()) for v in splits}
    for key in ("tag", "dataset_name"):
        config.pop(key, None)
    return config | {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": files}}


def run(shots):
    configs = [config(name) for name in YAML]
    tracker = EvaluationTracker(output_path=tempfile.mkdtemp())
    results = evaluator.simple_evaluate(Hashed(), tasks=configs, task_manager=MANAGER, num_fewshot=shots, log_samples=True, evaluation_tracker=tracker)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name in samples:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    out = pathlib.Path(tracker.output_path)
    saved = json.loads(next(out.rglob("results_*.json")).read_text())
    keep = ["results", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes"]
    (EVAL / f"{shots}shot.results.json").write_text(json.dumps({k: saved[k] for k in keep}, indent=1, ensure_ascii=False))
    (EVAL / f"{shots}shot.table.txt").write_text(utils.make_table(results))
    with open(EVAL / f"{shots}shot.samples.jsonl", "w") as f:
        for name in YAML:
            f.write(next(out.rglob(f"samples_{name}_2*.jsonl")).read_text())


def python_strings():
    """What CPython and the harness's own functions make of awkward strings."""
    texts = [
        "", "she TURNS to Bob. İ ΣΑΣ", "ßen", "ﬁne ΑΣ", "ǆABC", "ΌΣΟΣ. Σ ΑΣ'", "ŉX", "1ABC", "ὈΔΥΣΣΕΎΣ", "中文ABC", "ᾳΣ", " Abc", "\u00adΑΣ\u00ad", "ΑΣ\u0301Α", "ΑΣ.Α", "ΑΣ. Α",
        "\x1c\x1fa \x85\u00a0", "\ufeffa", "a\u200b", "\u3000a\u2028", "a\nB", " [title]", "x [title] y", "[header] A [title] B [substeps] C  D", "[a\nb] c", "a [b] [c]", "a    b", "[[x]] y", "a [unclosed", "  a [b]  ",
    ]
    strings = [{"text": t, "capitalize": t.capitalize(), "lower": t.lower(), "strip": t.strip(), "rstrip": t.rstrip(), "hellaswag": preprocess(t)} for t in texts]
    task = load_yaml(ROOT / YAML["gsm8k"])
    cot = {name: load_yaml(ROOT / YAML[name]) for name in YAML if name.startswith("gsm8k")}
    kwargs = {k: v for k, v in task["metric_list"][0].items() if k not in ("metric", "aggregation", "higher_is_better")}
    replies = [
        "", "#### 72", "####72", "#### 72.", "a #### 1 #### 2", "#### -1,234.50 b", "#### ,", "#### $72", "no number", "7", "$7", "-7", "1 2 33", "$1,234.", "3.", "...", "- 5", "5-6", "x-5", "١٢", "#### 1\n#### 2", "the answer is 72 apples", "#### 72\n", "..72..", "#### .", "$", "1,5 and $,",
        "The answer is 18", "The answer is 18.", "The answer is 5", "The answer is 1,234. b", "The answer is -7\n", "The answer is 3. The answer is 44!",
        "The final answer is $1,200.", "The final answer is 5", "The final answer is 5. The final answer is -6", "The final answer is x 7",
    ]
    answers = []
    for r in replies:
        row = {"text": r}
        for name, config in cot.items():
            row[name] = {}
            for f in config["filter_list"]:
                options = {k: v for k, v in f["filter"][0].items() if k != "function"}
                row[name][f["name"]] = RegexFilter(**options).apply([[r]], [])[0][0]
        answers.append(row)
    pairs = [("72", "a\n#### 72"), ("72.", "#### 72"), ("$1,000", "#### 1000"), ("1.0", "#### 1"), ("[invalid]", "#### 7"), ("7.\n", "7\n"), ("7.\n", "7"), ("ΑΣ", "ας"), ("x #### ABC", "#### abc"), ("5..", "5."), ("5.", "#### 5."), ("", "#### ")]
    matches = [{"answer": a, "reference": r, "match": bool(exact_match_hf_evaluate(predictions=[a], references=[r], **kwargs)["exact_match"])} for a, r in pairs]
    (TASK / "python.json").write_text(json.dumps({"strings": strings, "filters": answers, "exact_match": matches}, indent=1) + "\n")


# Templates of our own, in the manner of ChatML, of Llama 3, and of one that knows no system role.
TEMPLATES = {
    "chatml": "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}[system\nBe kind.]\n{% endif %}"
    "[{{ m['role'] }}\n{{ m['content'] }}]\n{% endfor %}{% if add_generation_prompt %}[assistant\n{% endif %}",
    "llama": "{{ bos_token }}{% for m in messages %}({{ m['role'] }})\n\n{{ m['content'] | trim }}<end>{% endfor %}"
    "{% if add_generation_prompt %}(assistant)\n\n{% endif %}",
    "strict": "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<{{ m['role'] }}>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
}
CHATS = [  # template, examples, as turns, system instruction
    ("chatml", 2, True, None),
    ("chatml", 1, False, "Answer."),
    ("llama", 2, False, None),
    ("llama", 0, True, "Answer. "),
    ("strict", 1, True, "Answer."),
    (None, 1, False, "Answer.\n"),
]


class Chatting(Hashed):
    """Hashed with the chat templates of the harness's hf backend."""

    chat_template_args = {}
    apply_chat_template = HFLM.apply_chat_template
    chat_template = TemplateLM.chat_template
    tokenizer_name = "none"

    def __init__(self, template):
        super().__init__()
        self.tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>", eos_token="</s>")
        self.tokenizer.chat_template = template


def chats():
    """The prompts of each task's first document, and what results say of them."""
    names = ["arc_easy", "social_iqa", "winogrande", "gsm8k", "gsm8k_cot_llama"]
    with open(EVAL / "chat.jsonl", "w") as f:
        for template, shots, multiturn, system in CHATS:
            tracker = EvaluationTracker(output_path=tempfile.mkdtemp())
            results = evaluator.simple_evaluate(
                Chatting(TEMPLATES.get(template)), tasks=[config(name) for name in names], task_manager=MANAGER, num_fewshot=shots,
                limit=1, evaluation_tracker=tracker,
                apply_chat_template=template is not None, fewshot_as_multiturn=multiturn, system_instruction=system,
            )
            samples = results.pop("samples")
            tracker.save_results_aggregated(results=results, samples=samples)
            saved = json.loads(next(pathlib.Path(tracker.output_path).rglob("results_*.json")).read_text())
            keep = ["system_instruction", "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha"]
            requests = {name: [list(arguments)[:2] for arguments in samples[name][0]["arguments"]] for name in names}
            row = {"shots": shots, "requests": requests, "results": {k: saved[k] for k in keep}}
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for name in DOC:
        for suffix, n, start in (("", 6, 0), ("_train", 9, 100)):
            (EVAL / f"{name}{suffix}.jsonl").write_text("".join(json.dumps(d, ensure_ascii=False) + "\n" for d in docs(name, n, start)))
    python_strings()
    run(0)
    run(2)
    chats()
    shutil.rmtree(os.environ["HF_HOME"])
