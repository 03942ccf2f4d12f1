"""Writes internal/tokenizer/testdata with Hugging Face's tokenizers library.

    python scripts/golden/tokenizer.py

Needs tokenizers 0.23. Trains tiny tokenizers on the text below, in the style of
Qwen2, Llama-3, GPT-2 and Llama-2, and records encodings and decodings:

    NAME/tokenizer.json   the four tokenizers
    cases.jsonl           {"tokenizer", "patch"} opens a group: a tokenizer and the
                          top-level parts that replace its own; then its cases
                          {"text", "ids", "plain", "offsets", "nfc", "decoded", "full"}

"plain" are the ids without the post-processor's, "offsets" byte ranges of the
text, untrimmed, "nfc" tells that NFC changes the text, "decoded" and "full" are
the ids decoded without and with special tokens.
"""

import json
import pathlib
import unicodedata

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

OUT = pathlib.Path(__file__).parents[2] / "internal/tokenizer/testdata"

CORPUS = [
    "The baker weighs the flour and the water, and the dough rests for an hour.",
    "She counted 12 boxes, sold 7 of them, and the others are still in the shop.",
    "It's not what they've said; we'll see what he'd do, and I'm sure they're right.",
    "A small model learns the weights of a large one: the loss goes down, step by step.",
    "def mean(values):\n    total = sum(values)\n    return total / len(values)\n",
    "Question: how many apples are left?\nAnswer: 4 + 5 = 9, so there are 9 apples.",
    "Le café près de la forêt est fermé; où est la clé de l'été?",
    "Der Bäcker öffnet die Tür, und die Größe der Straße überrascht ihn.",
    "Пекарь взвешивает муку и воду, и тесто отдыхает час.",
    "the the the there then other mother weather whether together",
]

TEXTS = [
    "",
    " ",
    "Hello world",
    " Hello world",
    "The baker's dough, the water and 12345 weights.",
    "IT'S they'Ll we'VE 'ſ x's'd",
    "a  b   c    \n  d\t\te \n\n\r\n f  ",
    "12 345 6789 ٣٤٥ ½Ⅷ２",
    "}\n\t\t// c\r\n",
    "  \u00a0\u3000 x\u2028y \x85z",
    "naïve café Größe Straße пекарь Việt",
    "你好，世界 한국어 हिन्दी สวัสดี مرحبا",
    "👨‍👩‍👧 🇩🇪 𝔘𝔫𝔦 \U000e0001 \ue000",
    "cafe\u0301 o\u0302\u0323 \u212b \u1100\u1161\u11a8 \u0958 q\u0307\u0323 ﬁ",
    "z" + "\u0301\u0323\u0308" * 15 + "\u0345\u0315a" + "\u0323\u0302" * 18 + " end",
    "<|im_start|>user\nHi<|im_end|>\n<|endoftext|>",
    "<|begin_of_text|>x<|eot_id|> <|eot_id|><|eot_",
    "<s> one</s>two <unk><0x41>",
    "▁x ▁▁ Ġ Ċ",
    "def f(x):\n    return x**2  # it's √x\n",
    "\u200b\ufeff\u00ad\x00\x1f\x7f",
    "'", "'s", "...!?", "\n", "ends in space ",
]
# For the variants, whose added tokens these hold.
ADDED_TEXTS = [
    "x ADD y", "ADDx \t ADD", "a <kw> \n b<kw>", "SW SW_ aSW SW\u0301 (SW)", "ab cd  ab  cd", "ADD", " <kw>ADD the ADDx",
    "the mother", "ne\u0301 né the", "<|kw|>",
]

ISOLATED = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}


def split(digits):
    return {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": ISOLATED % digits}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False},
        ],
    }


def added(content, id, **flags):
    token = dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return token | flags


def template(*parts):
    """parts: special tokens (content, id) and None for the text."""
    single = [
        {"SpecialToken": {"id": p[0], "type_id": 0}} if p else {"Sequence": {"id": "A", "type_id": 0}} for p in parts
    ]
    specials = {p[0]: {"id": p[0], "ids": [p[1]], "tokens": [p[0]]} for p in parts if p}
    pair = [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": specials}


def train(pre_tokenizer, size, special, alphabet):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tok.train_from_iterator(CORPUS, trainer)
    return json.loads(tok.to_str())["model"]


def file(model, tokens, normalizer, pre_tokenizer, post_processor, decoder):
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens, "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": post_processor, "decoder": decoder, "model": model,
    }  # fmt: skip


def byte_level_files():
    pre = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(ISOLATED % ""), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    model = train(pre, 400, [], pre_tokenizers.ByteLevel.alphabet())
    n = len(model["vocab"])
    strings = model | {"merges": [" ".join(pair) for pair in model["merges"]], "unk_token": None}
    # Without these merges the tokens are reached by ignore_merges alone.
    fewer = [pair for pair in model["merges"] if "".join(pair) not in ("Ġthe", "Ġweights", "ou")]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    qwen2 = file(
        strings | {"continuing_subword_prefix": "", "end_of_word_suffix": ""},
        [added(c, n + i) for i, c in enumerate(special)],
        {"type": "NFC"}, split(""), BYTE_LEVEL, BYTE_LEVEL,
    )  # fmt: skip
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    llama3 = file(
        model | {"merges": fewer, "ignore_merges": True},
        [added(c, n + i) for i, c in enumerate(special)],
        None, split("{1,3}"),
        {"type": "Sequence", "processors": [BYTE_LEVEL, template((special[0], n), None)]}, BYTE_LEVEL,
    )  # fmt: skip
    gpt2 = file(
        strings | {"vocab": model["vocab"] | {"<|endoftext|>": n}},
        [added("<|endoftext|>", n, normalized=True)],
        None, BYTE_LEVEL | {"add_prefix_space": False}, BYTE_LEVEL, BYTE_LEVEL,
    )  # fmt: skip
    return {"qwen2": qwen2, "llama3": llama3, "gpt2": gpt2}


def llama2_file():
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    model = train(pre_tokenizers.Metaspace(), 560, ["<unk>", "<s>", "</s>"] + bytes_, [])
    model |= {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    del model["ignore_merges"]
    tokens = [added(c, i) for i, c in enumerate(["<unk>", "<s>", "</s>"])]
    normalizer = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    }
    decoder = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    }
    return file(model, tokens, normalizer, None, template(("<s>", 1), None), decoder)


def variants(files):
    """Groups of cases: a tokenizer, the parts replaced in it, the texts."""
    for name in files:
        yield name, {}, TEXTS
    # Added tokens with every flag, in text that is normalized and that is not.
    for name in ("qwen2", "llama2"):
        n = 1 + max(files[name]["model"]["vocab"].values())
        own = [t for t in files[name]["added_tokens"] if name == "llama2" or t["id"] < n]
        more = [("ADD", {"lstrip": True}), ("ADDx", {"lstrip": True, "rstrip": True}), ("<kw>", {"rstrip": True}),
                ("SW", {"single_word": True, "special": False})]  # fmt: skip
        if name == "qwen2":  # 0.23 decodes normalized tokens in another form, which NFC leaves alone
            more += [("ab cd", {"normalized": True, "special": False}), ("né", {"normalized": True})]
        yield name, {"added_tokens": own + [added(c, n + i, **f) for i, (c, f) in enumerate(more)]}, ADDED_TEXTS
    for scheme in ("first", "always", "never"):
        for cut in (True, False):
            space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut}
            patch = {"normalizer": None, "pre_tokenizer": space}
            patch |= {"decoder": space} if cut else {}
            yield "llama2", patch, ["Hello  world ", " ▁a<s>b <s> c", "the mother\nand  the", "▁x ▁▁", "<s>", "é"]
    model = files["llama2"]["model"] | {"byte_fallback": False}
    for fuse in (True, False):
        # Only the difference to the model is kept; the test puts it over the file's own.
        yield "llama2", {"model": {"fuse_unk": fuse, "byte_fallback": False}}, ["x你好y", "你 好", "the 你"]
    ends = template(("<s>", 1), None, ("</s>", 2))
    yield "llama2", {"post_processor": ends, "model": {"ignore_merges": True}}, ["▁the", "the", "a b"]


def byte_offsets(text, offsets):
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [[at[a], at[b]] for a, b in offsets]


def main():
    files = byte_level_files() | {"llama2": llama2_file()}
    for name, content in files.items():
        (OUT / name).mkdir(parents=True, exist_ok=True)
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (OUT / name / "tokenizer.json").write_text(text + "\n", encoding="utf-8")
    with open(OUT / "cases.jsonl", "w", encoding="utf-8") as out:

        def write(row):
            out.write(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n")

        for name, patch, texts in variants(files):
            write({"tokenizer": name, "patch": patch})
            content = files[name] | patch | {"model": files[name]["model"] | patch.get("model", {})}
            tok = Tokenizer.from_str(json.dumps(content))
            for text in texts:
                got = tok.encode(text)
                write({
                    "text": text, "ids": got.ids, "plain": tok.encode(text, add_special_tokens=False).ids,
                    "offsets": byte_offsets(text, got.offsets),
                    "nfc": name == "qwen2" and unicodedata.normalize("NFC", text) != text,
                    "decoded": tok.decode(got.ids), "full": tok.decode(got.ids, skip_special_tokens=False),
                })  # fmt: skip


if __name__ == "__main__":
    main()
