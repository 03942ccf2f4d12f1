"""A model folder of a real shape with random weights, to measure time and memory.

    python scripts/random_model.py qwen2-0.5b OUT [--tokenizer DIR]

Weights are bfloat16, N(0, 0.02), norms 1, biases small; the seed is fixed. With
--tokenizer the tokenizer files of DIR are copied. Needs torch and safetensors.
"""

import argparse
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file

QWEN = dict(architectures=["Qwen2ForCausalLM"], model_type="qwen2", hidden_act="silu", rms_norm_eps=1e-6,
            rope_theta=1000000.0, tie_word_embeddings=True, torch_dtype="bfloat16", max_position_embeddings=131072,
            use_sliding_window=False, vocab_size=151936, bos_token_id=151643, eos_token_id=151643)
LLAMA = dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", rms_norm_eps=1e-5,
             rope_theta=500000.0, tie_word_embeddings=True, torch_dtype="bfloat16", max_position_embeddings=131072,
             vocab_size=128256, bos_token_id=128000, eos_token_id=128001, attention_bias=False, mlp_bias=False,
             rope_scaling=dict(rope_type="llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
                               original_max_position_embeddings=8192))
PRESETS = {
    "qwen2-0.5b": dict(QWEN, hidden_size=896, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2,
                       intermediate_size=4864),
    "qwen2-1.5b": dict(QWEN, hidden_size=1536, num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2,
                       intermediate_size=8960),
    "llama3.2-1b": dict(LLAMA, hidden_size=2048, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8,
                        intermediate_size=8192, head_dim=64),
    "llama3.2-3b": dict(LLAMA, hidden_size=3072, num_hidden_layers=28, num_attention_heads=24, num_key_value_heads=8,
                        intermediate_size=8192, head_dim=128),
}


def tensors(c):
    d, f = c["hidden_size"], c["intermediate_size"]
    k = c.get("head_dim", d // c["num_attention_heads"])
    q, kv = c["num_attention_heads"] * k, c["num_key_value_heads"] * k
    yield "model.embed_tokens.weight", (c["vocab_size"], d)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        for name, shape in dict(q_proj=(q, d), k_proj=(kv, d), v_proj=(kv, d), o_proj=(d, q)).items():
            yield f"{p}self_attn.{name}.weight", shape
            if c["model_type"] == "qwen2" and name != "o_proj":
                yield f"{p}self_attn.{name}.bias", shape[:1]
        for name, shape in dict(gate_proj=(f, d), up_proj=(f, d), down_proj=(d, f)).items():
            yield f"{p}mlp.{name}.weight", shape
        yield p + "input_layernorm.weight", (d,)
        yield p + "post_attention_layernorm.weight", (d,)
    yield "model.norm.weight", (d,)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("preset", choices=PRESETS)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path)
    args = parser.parse_args()
    config = PRESETS[args.preset]
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in tensors(config):
        if name.endswith("norm.weight"):
            state[name] = torch.ones(shape, dtype=torch.bfloat16)
        else:
            state[name] = (torch.randn(shape, generator=generator) * 0.02).to(torch.bfloat16)
    args.out.mkdir(parents=True, exist_ok=True)
    save_file(state, args.out / "model.safetensors", metadata={"format": "pt"})
    (args.out / "config.json").write_text(json.dumps(config, indent=2))
    if args.tokenizer:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(args.tokenizer / name, args.out / name)
    print(args.out, sum(t.numel() for t in state.values()), "parameters")


if __name__ == "__main__":
    main()
