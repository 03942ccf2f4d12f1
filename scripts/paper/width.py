"""How the three terms of a LoRA step scale with width: docs/paper.md, "The width law".

    python scripts/paper/width.py --binary ./stablelora --work DIR [--case NAME ...] [--at STEP] [--jobs N]

Makes random LLaMA decoders of two blocks and growing width n, trains each for a few steps with the stablelora binary in
every case below, reads stability.jsonl and prints the exponent of n of each term with its 95 % interval. Runs that are
done are not repeated. Needs torch, safetensors and scipy; start it at the root of the source tree.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import math
import pathlib
import shutil
import subprocess

import torch
from safetensors.torch import save_file
from scipy import stats

WIDTHS, SEEDS = (64, 128, 256, 512, 1024), (1, 2, 3)
STEPS, EVERY, LAST = 100, 10, 3   # the terms of the last LAST reports are averaged, in logarithms
RANK, BLOCKS, HEAD, VOCAB = 8, 2, 32, 1024
DEMO = pathlib.Path("internal/demo")


@dataclasses.dataclass
class Case:
    """At width n: learning rate rate·(n/64)^power, s = 2·(n/64)^scale, A ~ N(0, init²/n·(n/64)^spread)."""
    rate: float
    power: float
    scale: float
    shrink: float = 0.0
    beta2: float = 0.999
    init: float = 1.0
    spread: float = 0.0
    expect: tuple = (0.0, 0.0, 0.0)   # exponents of the three terms by the theory


CASES = {
    # s·η²·n is constant, as the theorem asks, but for the first case.
    "fixed": Case(1e-4, 0, 0, expect=(1, 1, 1)),
    "half": Case(1e-3, -0.5, 0),
    "half-small": Case(1e-5, -0.5, 0, expect=(-0.5, 0, 0)),   # of the part of A that is still A_0
    "half-small-shrink": Case(1e-5, -0.5, 0, shrink=0.2),
    "half-small-shrink-forget": Case(1e-5, -0.5, 0, shrink=0.2, beta2=0.9),
    "one": Case(1e-4, -1, 1),
    "threehalves": Case(1e-4, -1.5, 2, expect=(0.5, 0, 0)),
    "threehalves-shrink": Case(1e-4, -1.5, 2, shrink=0.2),
    "threehalves-shrink-forget": Case(1e-4, -1.5, 2, shrink=0.2, beta2=0.9),
    "threehalves-small-init": Case(1e-4, -1.5, 2, init=0.01, spread=-1),
}


def normal(generator, rows, cols, deviation):
    return torch.randn((rows, cols), generator=generator) * deviation


def make_model(out, n, seed):
    """Matrices of variance 1/inputs, embedding of variance 1: activations are Θ(1) in n."""
    g = torch.Generator().manual_seed(1000 * seed + n)
    state = {"model.embed_tokens.weight": normal(g, VOCAB, n, 1), "lm_head.weight": normal(g, VOCAB, n, n**-0.5),
             "model.norm.weight": torch.ones(n)}
    for i in range(BLOCKS):
        p = f"model.layers.{i}."
        for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                     "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"):
            state[f"{p}{name}.weight"] = normal(g, n, n, n**-0.5)
        for name in ("input_layernorm", "post_attention_layernorm"):
            state[f"{p}{name}.weight"] = torch.ones(n)
    config = dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", rms_norm_eps=1e-6,
                  rope_theta=10000.0, tie_word_embeddings=False, torch_dtype="float32", max_position_embeddings=512,
                  vocab_size=VOCAB, bos_token_id=0, eos_token_id=0, hidden_size=n, intermediate_size=n,
                  num_hidden_layers=BLOCKS, num_attention_heads=n // HEAD, num_key_value_heads=n // HEAD)
    save(out, config, state, "config.json", "model.safetensors")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(DEMO / "model" / name, out / name)


def make_adapter(out, n, seed, case, s):
    """The start, A ~ N(0, ·) and B = 0, as a PEFT adapter."""
    g = torch.Generator().manual_seed(seed)
    deviation, state = case.init * n**-0.5 * (n / 64) ** (case.spread / 2), {}
    for i in range(BLOCKS):
        for name in ("q_proj", "v_proj"):
            p = f"base_model.model.model.layers.{i}.self_attn.{name}."
            state[p + "lora_A.weight"] = normal(g, RANK, n, deviation)
            state[p + "lora_B.weight"] = torch.zeros(n, RANK)
    config = dict(peft_type="LORA", task_type="CAUSAL_LM", r=RANK, lora_alpha=RANK * s, lora_dropout=0.0, bias="none",
                  target_modules=["q_proj", "v_proj"])
    save(out, config, state, "adapter_config.json", "adapter_model.safetensors")


def save(out, config, state, config_name, state_name):
    out.mkdir(parents=True, exist_ok=True)
    save_file(state, out / state_name, metadata={"format": "pt"})
    (out / config_name).write_text(json.dumps(config))


def run(binary, work, steps, name, n, seed):
    """Trains one width and seed of a case; returns (mean log2 of each term in these steps, last step that shrank)."""
    case, folder = CASES[name], work / name / f"n{n}-seed{seed}"
    if not (folder / "adapter_model.safetensors").exists():
        start = work / "start" / f"{name}-n{n}-seed{seed}"
        make_adapter(start, n, seed, case, 2 * (n / 64) ** case.scale)
        sets = {
            "model.path": work / "models" / f"n{n}-seed{seed}", "lora.init_from": start,
            "optimizer.shrink_ratio": case.shrink, "optimizer.weight_decay": 0, "optimizer.eps": 1e-12,
            "optimizer.betas": f"[0.9, {case.beta2}]",
            "data.train": f"[{{path: {DEMO}/data/hellaswag_train.jsonl, format: hellaswag}}]", "data.max_length": 24,
            "data.on_overflow": "truncate", "data.train_on": "all", "train.seed": seed, "train.max_steps": STEPS,
            "train.batch_size": 2, "train.learning_rate": case.rate * (n / 64) ** case.power,
            "train.lr_scheduler": "constant", "train.max_grad_norm": 0, "log.every": EVERY}
        config = work / "empty.yaml"
        command = [binary, "train", "--config", config, "--output", folder, "--overwrite", "--quiet", "--threads", "1"]
        for key, value in sets.items():
            command += ["--set", f"{key}={value}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    rows = [json.loads(line) for line in open(folder / "stability.jsonl")]
    shrunk = max((r["step"] for r in rows if r["shrinking"] and case.shrink), default=0)
    rows = [r for r in rows if r["step"] in steps]
    return [sum(math.log2(r[f"delta{i}"]) for r in rows) / len(rows) for i in (1, 2, 3)], shrunk


def exponent(points):
    """Slope of log2 size on log2 n over (n, size) and half of its 95 % interval."""
    fit = stats.linregress([math.log2(n) for n, _ in points], [y for _, y in points])
    return fit.slope, stats.t.ppf(0.975, len(points) - 2) * fit.stderr


def report(name, results):
    """A row of the table: expected and found exponents, δ1/δ2 and the last shrink at both ends."""
    cells = [name]
    for i in range(3):
        slope, half = exponent([(n, logs[i]) for (n, _), (logs, _) in results.items()])
        cells.append(f"{CASES[name].expect[i]:g}: {slope:+.2f} ± {half:.2f}")
    for n in (WIDTHS[0], WIDTHS[-1]):
        found = [r for (m, _), r in results.items() if m == n]
        cells.append(f"{2 ** (sum(logs[0] - logs[1] for logs, _ in found) / len(found)):.2g}")
        cells.append(f"{max(shrunk for _, shrunk in found)}")
    print("| " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="./stablelora")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--case", action="append", choices=CASES, help="default: all")
    parser.add_argument("--at", type=int, choices=range(EVERY, STEPS + 1, EVERY), help="the terms of this step alone")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, of one thread each")
    args = parser.parse_args()
    torch.set_num_threads(1)
    work, steps = args.work.resolve(), {args.at} if args.at else set(range(STEPS, 0, -EVERY)[:LAST])
    keys = [(n, seed) for n in WIDTHS for seed in SEEDS]
    for n, seed in keys:
        if not (folder := work / "models" / f"n{n}-seed{seed}").exists():
            make_model(folder, n, seed)
    (work / "empty.yaml").write_text("{}\n")
    print("| case | δ1 | δ2 | δ3 | δ1/δ2 at 64 | last shrink | δ1/δ2 at 1024 | last shrink |\n|---|---|---|---|---|---|---|---|")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name in args.case or CASES:
            found = pool.map(lambda k: run(args.binary, work, steps, name, *k), keys)
            report(name, dict(zip(keys, found)))


if __name__ == "__main__":
    main()
