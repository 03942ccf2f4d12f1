"""Golden numbers for internal/model and internal/train, from PyTorch + PEFT.

    python scripts/golden/model.py

writes internal/model/testdata/NAME/ (a random model folder of about 20 KB, an
adapter with non-zero A and B, and golden.safetensors: a batch, its logits, loss
and every LoRA gradient) and internal/train/testdata/trace-*.safetensors (ten
optimizer steps). Weights and tokens come from fixed seeds; float32 on one
thread. Needs torch, transformers, peft and safetensors.
"""

import json
import pathlib
import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from methods import Riemann, Rite, lora_plus

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMON = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, vocab_size=40, bos_token_id=1, eos_token_id=2, max_position_embeddings=64)

MODELS = {
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, torch.bfloat16, dict(tie_word_embeddings=True), {}),
    "llama3": (LlamaConfig, LlamaForCausalLM, torch.float32,
               dict(tie_word_embeddings=False, attention_bias=True, mlp_bias=True, head_dim=8),
               dict(rope_theta=10000.0, rope_scaling=dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0,
                                                          high_freq_factor=4.0, original_max_position_embeddings=16))),
    "qwen3-yarn": (Qwen3Config, Qwen3ForCausalLM, torch.float16, dict(tie_word_embeddings=True, head_dim=8),
                   dict(rope_theta=10000.0, rope_scaling=dict(rope_type="yarn", factor=4.0,
                                                              original_max_position_embeddings=16))),
    "llama-dynamic": (LlamaConfig, LlamaForCausalLM, torch.bfloat16,
                      dict(tie_word_embeddings=True, max_position_embeddings=8),
                      dict(rope_theta=10000.0, rope_scaling=dict(rope_type="dynamic", factor=2.0))),
}


def build(name):
    config_class, model_class, dtype, extra, rope = MODELS[name]
    torch.manual_seed(sum(map(ord, name)))
    kwargs = dict(COMMON, **extra)
    if rope:
        kwargs["rope_parameters"] = dict(rope.get("rope_scaling", {}), rope_theta=rope["rope_theta"])
    model = model_class._from_config(config_class(**kwargs), attn_implementation="eager").float().eval()
    for p_name, p in model.named_parameters():
        std = 0.3 if "norm" not in p_name else 0.2
        p.data = torch.randn_like(p) * std + (1.0 if "norm" in p_name else 0.0)
        p.data = p.data.to(dtype).float()
    return model, dtype


def save_folder(model, dtype, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    state = {k: v.to(dtype).contiguous() for k, v in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model.config.to_dict(), indent=2, default=str, sort_keys=True))


def batch(lengths, vocab, seed):
    """Tokens (B, T) right-padded with 0, and labels with -100 for padding and for the first two tokens."""
    g = torch.Generator().manual_seed(seed)
    ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    labels = torch.full_like(ids, -100)
    mask = torch.zeros_like(ids)
    for row, n in enumerate(lengths):
        ids[row, :n] = torch.randint(3, vocab, (n,), generator=g)
        labels[row, 2:n] = ids[row, 2:n]
        mask[row, :n] = 1
    return ids, labels, mask


def token_losses(logits, labels):
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")


def adapt(model, targets, seed, zero_b):
    torch.manual_seed(seed)
    model = get_peft_model(model, LoraConfig(r=3, lora_alpha=6, target_modules=targets, task_type="CAUSAL_LM"))
    model.eval()
    for n, p in model.named_parameters():
        if "lora_B" in n and not zero_b:
            p.data = torch.randn_like(p) * 0.2
    return model


def factors(model):
    return {n.replace(".default", ""): p for n, p in model.named_parameters() if p.requires_grad}


ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def golden(name):
    model, dtype = build(name)
    folder = ROOT / "internal/model/testdata" / name
    save_folder(model, dtype, folder)
    # Sequences of one length where the scaling depends on it: transformers takes the longest of a batch.
    ids, labels, mask = batch([12, 12] if "dynamic" in name else [12, 7, 3], COMMON["vocab_size"], 5)
    model = adapt(model, ALL, 6, zero_b=False)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    logits = model(input_ids=ids, attention_mask=mask).logits
    loss = token_losses(logits, labels) / (labels[:, 1:] != -100).sum()
    loss.backward()
    out = {"input_ids": ids, "labels": labels, "attention_mask": mask, "logits": logits.detach(), "loss": loss.detach()}
    out |= {"grad." + n: p.grad for n, p in factors(model).items()}
    save_file({k: v.contiguous() for k, v in out.items()}, folder / "golden.safetensors")


METHODS = {
    "adamw": (lora_plus, dict(lr_ratio=1.0, weight_decay=0.01)),
    "stable_lora": (lora_plus, dict(lr_ratio=1.0, weight_decay=0.01)),
    "lora_plus": (lora_plus, dict(lr_ratio=4.0, weight_decay=0.01)),
    "riemann": (Riemann, dict(reg=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)),
    "lora_rite": (Rite, dict(betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01)),
}


def trace(optimizer, shrink=0.0):
    """Ten steps of two micro-batches on the qwen2 model; lr, clipping and the shrink are large enough to matter."""
    model, _ = build("qwen2")
    model = adapt(model, ["q_proj", "v_proj", "down_proj"], 7, zero_b=True)
    params = factors(model)
    out = {"start." + n: p.detach().clone() for n, p in params.items()}
    a = [p for n, p in params.items() if "lora_A" in n]
    b = [p for n, p in params.items() if "lora_B" in n]
    make, settings = METHODS[optimizer]
    opt = make(list(zip(a, b)), 1.0, **settings)
    keep = [True] * len(a)
    rows = {k: [] for k in ("input_ids", "labels", "attention_mask", "loss", "lr", "grad_norm", "keep")}
    for step in range(10):
        micro = [batch([9, 6], COMMON["vocab_size"], 100 + 2 * step + i) for i in range(2)]
        count = sum((l[:, 1:] != -100).sum() for _, l, _ in micro)
        for p in a + b:
            p.grad = None
        loss = 0.0
        for ids, labels, mask in micro:
            part = token_losses(model(input_ids=ids, attention_mask=mask).logits, labels) / count
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(a + b, 1.0)
        lr = 0.02 * (1 - step / 10)
        with torch.no_grad():
            for i in range(len(a)):
                if shrink and keep[i]:
                    if a[i].norm() < a[i].numel() / b[i].numel() * b[i].norm():
                        keep[i] = False
                    else:
                        a[i].mul_(1 - shrink)
        if make is lora_plus:
            for group, ratio in zip(opt.param_groups, (1.0, settings["lr_ratio"])):
                group["lr"] = lr * ratio
            opt.step()
        else:
            opt.step(lr)
        for key in ("input_ids", "labels", "attention_mask"):
            rows[key].append(torch.stack([m[("input_ids", "labels", "attention_mask").index(key)] for m in micro]))
        rows["loss"].append(torch.tensor(loss))
        rows["lr"].append(torch.tensor(lr, dtype=torch.float64))
        rows["grad_norm"].append(norm.detach())
        rows["keep"].append(torch.tensor([int(k) for k in keep]))
    out |= {k: torch.stack(v) for k, v in rows.items()}
    out |= {"end." + n: p.detach().clone() for n, p in params.items()}
    target = ROOT / "internal/train/testdata" / f"trace-{optimizer}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in out.items()}, target)
    print(optimizer, "losses", [round(x.item(), 4) for x in rows["loss"]], "keep", [r.tolist() for r in rows["keep"]][-1])


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in MODELS:
        golden(name)
    trace("adamw")
    trace("stable_lora", 0.08)
    for name in ("lora_plus", "riemann", "lora_rite"):
        trace(name)
