"""Golden adapters for internal/peft, from PEFT.

    python scripts/golden/adapters.py

writes internal/peft/testdata/: base (a random bfloat16 model in two shards),
adapter (rsLoRA with rank and alpha patterns, non-zero A and B), merged (what
merge_and_unload makes of the two) and matching.json: configurations with the
rank and scale PEFT gives each module. Needs torch, transformers and peft.
"""

import json
import pathlib
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/peft/testdata"
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

CASES = [
    dict(target_modules=["q_proj", "v_proj"]),
    dict(target_modules=None),
    dict(target_modules=["model.layers.1.mlp.up_proj", "self_attn.o_proj"]),
    dict(target_modules=["proj", "q_proj"]),
    dict(target_modules="all-linear"),
    dict(target_modules="All-Linear", exclude_modules=["down_proj"]),
    dict(target_modules=r".*\.[qk]_proj"),
    dict(target_modules=r"(?i)MODEL\.layers\.0\..*(q|gate)_proj"),
    dict(target_modules=r"model\.layers\.(?P<n>[01])\.mlp\.\w+_proj"),
    dict(target_modules=ALL, exclude_modules=["0.mlp.up_proj", "v_proj"]),
    dict(target_modules=ALL, exclude_modules=r"model\.layers\.1\..*"),
    dict(target_modules=r".*_proj", exclude_modules=["mlp.gate_proj"]),
    dict(target_modules=["q_proj", "down_proj"], layers_to_transform=[1]),
    dict(target_modules=["q_proj"], layers_to_transform=0),
    dict(target_modules=["q_proj", "model.layers.0.mlp.up_proj"], layers_to_transform=[1]),
    dict(target_modules=["q_proj"], layers_to_transform=[1], layers_pattern="layers"),
    dict(target_modules=["q_proj"], layers_to_transform=[0], layers_pattern=["layers"]),
    dict(target_modules=["q_proj"], layers_to_transform=[]),
    dict(target_modules=ALL, use_rslora=True, r=5, lora_alpha=3),
    dict(target_modules=ALL, rank_pattern={"q_proj": 2, "layers.1.mlp.down_proj": 3}, alpha_pattern={"q_proj": 1, "self_attn.v_proj": 7}),
    dict(target_modules=ALL, rank_pattern={"q_proj": 2, "layers.0.self_attn.q_proj": 3, ".*_proj": 5}),
    dict(target_modules=ALL, rank_pattern={".*_proj": 5, "q_proj": 2}, use_rslora=True),
    dict(target_modules=ALL, rank_pattern={r"[qk]_proj": 2, "proj": 9, r"^model.layers.1.mlp.up_proj": 6, r"mlp\.(up|down)_proj": 1}),
    dict(target_modules=["q_proj"], alpha_pattern={"model.layers.0.self_attn.q_proj": 2.5}),
]


def model():
    torch.manual_seed(3)
    config = LlamaConfig(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                         vocab_size=20, tie_word_embeddings=True, torch_dtype="bfloat16")
    return LlamaForCausalLM(config).to(torch.bfloat16)


def matching():
    rows = []
    for case in CASES:
        kwargs = {"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM", **case}
        peft = get_peft_model(model(), LoraConfig(**kwargs))
        modules = {name.removeprefix("base_model.model."): [m.r["default"], m.scaling["default"]]
                   for name, m in peft.named_modules() if hasattr(m, "lora_A")}
        rows.append({"config": {"peft_type": "LORA", **kwargs}, "modules": modules})
    (OUT / "matching.json").write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    base = model()
    base.save_pretrained(OUT / "base", max_shard_size="6KB")
    peft = get_peft_model(base, LoraConfig(r=3, lora_alpha=4, use_rslora=True, target_modules=ALL, task_type="CAUSAL_LM",
                                           rank_pattern={"q_proj": 2}, alpha_pattern={"layers.1.mlp.down_proj": 1}))
    peft.peft_config["default"].base_model_name_or_path = "base"
    torch.manual_seed(4)
    for name, p in peft.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p, std=0.1)
    peft.save_pretrained(OUT / "adapter")
    merged = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(OUT / "base"), OUT / "adapter").merge_and_unload()
    merged.save_pretrained(OUT / "merged")
    for path in [*OUT.glob("*/README.md"), *OUT.glob("merged/*.json")]:
        path.unlink()
    matching()


main()
