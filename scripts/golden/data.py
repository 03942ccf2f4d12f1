"""Golden records of internal/data, tokenized by Hugging Face's tokenizers.

    python scripts/golden/data.py

writes internal/data/testdata/: tokenizer.json (a byte-level BPE that puts a BOS
in front, trained on the records) and records.jsonl: per format a record, its
prompt and completion as the original training scripts word them, and the ids
with the mask of supervised tokens, found by character offsets. The records are
made up. Needs tokenizers.
"""

import json
import pathlib

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/data/testdata"

# Stanford Alpaca, train.py
PROMPT_DICT = {
    "prompt_input": (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
    ),
    "prompt_no_input": (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Response:"
    ),
}


def alpaca(r):
    key = "prompt_input" if r.get("input", "") != "" else "prompt_no_input"
    return PROMPT_DICT[key].format_map(r), r["output"]


def metamath(r):  # MetaMath, train_math.py
    lines = r["query"].split("\n")
    return alpaca({"instruction": lines[0], "input": "\n".join(lines[1:]), "output": r["response"]})


def llm_adapters(r):  # LLM-Adapters, finetune.py; ␠ marks the spaces at the ends of lines
    if r["input"]:
        text = f"""Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.␠

                ### Instruction:
                {r["instruction"]}
␠␠␠␠␠␠␠␠␠␠␠␠␠␠␠␠
                ### Input:
                {r["input"]}
␠␠␠␠␠␠␠␠␠␠␠␠␠␠␠␠
                ### Response:
                """
    else:
        text = f"""Below is an instruction that describes a task. Write a response that appropriately completes the request.␠␠

                ### Instruction:
                {r["instruction"]}
␠␠␠␠␠␠␠␠␠␠␠␠␠␠␠␠
                ### Response:
                """
    return text.replace("␠", " "), r["output"]


CASES = [
    ("prompt_completion", {"prompt": "The boat is", "completion": " green and slow."}, lambda r: (r["prompt"], r["completion"])),
    # No space between the two: a token may hold characters of both.
    ("prompt_completion", {"prompt": "The boat is gre", "completion": "en and slow."}, lambda r: (r["prompt"], r["completion"])),
    ("prompt_completion", {"prompt": "", "completion": "é 海 x<|eos|>"}, lambda r: (r["prompt"], r["completion"])),
    ("prompt_completion", {"prompt": "<|bos|>Once", "completion": " twice"}, lambda r: (r["prompt"], r["completion"])),
    ("text", {"text": "The harbour lies in the north."}, lambda r: ("", r["text"])),
    ("alpaca", {"instruction": "Name a colour.", "input": "", "output": "Green."}, alpaca),
    ("alpaca", {"instruction": "Name a colour.", "input": "of the sea", "output": "\nGreen."}, alpaca),
    ("alpaca", {"instruction": "Count.", "output": "1 2 3"}, alpaca),
    ("metamath", {"query": "What is 2 + 3?", "response": "2 + 3 = 5.\nThe answer is: 5", "type": "x"}, metamath),
    ("metamath", {"query": "Ann has 2 boats.\nBob has 3.\n\nHow many?", "response": "The answer is: 5"}, metamath),
    ("llm_adapters", {"instruction": "Is the sea green?\n\nAnswer format: true/false", "input": "", "output": "the correct answer is true", "answer": "true"}, llm_adapters),
    ("llm_adapters", {"instruction": "Add.", "input": "2 3", "output": "\nA: 5", "answer": "5"}, llm_adapters),
    ("gsm8k", {"question": "Ann has 2 boats and buys 3. How many?", "answer": "2+3 = <<2+3=5>>5\n#### 5"},
     lambda r: (f"Question: {r['question']}\nAnswer:", " " + r["answer"])),
    ("hellaswag", {"activity_label": "Sailing", "ctx_a": "A man sails.", "ctx_b": "he", "endings": ["sinks.", "lands."], "label": "1"},
     lambda r: ("Sailing: A man sails. He", " lands.")),
    ("arc", {"id": "1", "question": {"stem": "What is deep?", "choices": [{"text": "A cup", "label": "A"}, {"text": "The sea", "label": "B"}]}, "answerKey": "B"},
     lambda r: ("Question: What is deep?\nAnswer:", " The sea")),
    ("openbookqa", {"question_stem": "Boats float on", "choices": {"text": ["sand", "water"], "label": ["A", "B"]}, "answerKey": "B"},
     lambda r: ("Boats float on", " water")),
    ("social_iqa", {"context": "Ann sails.", "question": "Why?", "answerA": "for fun", "answerB": "to sink", "answerC": "to sleep", "label": "1"},
     lambda r: ("Q: Ann sails. Why?\nA:", " for fun")),
    ("piqa", {"goal": "Stop a boat", "sol1": "drop the anchor", "sol2": "eat the anchor", "label": 0},
     lambda r: ("Question: Stop a boat\nAnswer:", " drop the anchor")),
    ("winogrande", {"sentence": "The boat missed the rock because _ was small.", "option1": "the boat", "option2": "the rock", "answer": "2"},
     lambda r: ("The boat missed the rock because the rock", " was small.")),
    ("boolq", {"passage": "The sea is deep.", "question": "is the sea deep", "label": 1},
     lambda r: ("The sea is deep.\nQuestion: is the sea deep?\nAnswer:", " yes")),
]


def train(texts):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tok.train_from_iterator(texts, trainer)
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<|bos|>", "<|eos|>")])
    tok.post_processor = processors.TemplateProcessing(single="<|bos|> $A", special_tokens=[("<|bos|>", tok.token_to_id("<|bos|>"))])
    return tok


def example(tok, prompt, completion):
    """The contract's rule: joint encoding, one BOS, one EOS at the end."""
    text = prompt + completion
    enc = tok.encode(text, add_special_tokens=not text.startswith("<|bos|>"))
    ids, mask = list(enc.ids), []
    for (start, end), special in zip(enc.offsets, enc.special_tokens_mask):
        carries = max(start, len(prompt)) < min(end, len(text))
        mask.append(int(carries and not (special and start == end)))
    eos = tok.token_to_id("<|eos|>")
    if ids[-1] != eos:
        ids, mask = ids + [eos], mask + [1]
    mask[0] = 0
    return ids, mask


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    worded = [(name, record, *word(record)) for name, record, word in CASES]
    tok = train([p + c.replace("<|eos|>", "") for _, _, p, c in worded])
    tok.save(str(OUT / "tokenizer.json"), pretty=False)
    with open(OUT / "records.jsonl", "w", encoding="utf-8") as f:
        for name, record, prompt, completion in worded:
            ids, mask = example(tok, prompt, completion)
            row = {"format": name, "record": record, "prompt": prompt, "completion": completion, "ids": ids, "supervised": mask}
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


main()
