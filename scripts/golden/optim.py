"""Golden numbers for internal/optim: torch.optim.AdamW, clip_grad_norm_,
transformers' schedules, and the methods of methods.py in float64.

    python scripts/golden/optim.py

writes internal/optim/testdata/golden.json. AdamW is float32; its values are written
exactly. One thread, seed 7. Needs torch, transformers and peft.
"""

import json
import pathlib

import peft
import torch
import transformers
from transformers import get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from methods import Riemann, Rite, lora_plus

torch.set_num_threads(1)
R, N, M, STEPS = 2, 3, 4, 6


def adamw(case):
    gen = torch.Generator().manual_seed(7)
    randn = lambda *shape: torch.randn(*shape, generator=gen)
    a, b = torch.nn.Parameter(randn(R, N)), torch.nn.Parameter(randn(M, R))
    out = dict(case, A0=a.tolist(), B0=b.tolist(), steps=[])
    opt = torch.optim.AdamW([a, b], betas=case["betas"], eps=case["eps"], weight_decay=case["weight_decay"])
    for t in range(STEPS):
        lr = case["lr"] * (1 - t / STEPS)
        ga, gb = randn(R, N) * 10 ** (t - 3), randn(M, R)
        a.grad, b.grad = ga.clone(), gb.clone()
        norm = torch.nn.utils.clip_grad_norm_([a, b], case["max_norm"]).item()
        opt.param_groups[0]["lr"] = lr
        opt.step()
        out["steps"].append(dict(lr=lr, gA=ga.tolist(), gB=gb.tolist(), norm=norm, A=a.tolist(), B=b.tolist()))
    return out


SHAPES = [(2, 5, 3), (3, 4, 6), (3, 2, 4)]  # r, n, m of the pairs
METHOD_STEPS = 10
SHOWN = (1, 2, METHOD_STEPS)


def problem():
    """Starts with B = 0, and loss gradients; one explodes and one is 0."""
    gen = torch.Generator().manual_seed(7)
    randn = lambda *shape: torch.round(torch.randn(*shape, generator=gen, dtype=torch.float64), decimals=2)
    starts = [(randn(r, n) / 2, torch.zeros(m, r, dtype=torch.float64)) for r, n, m in SHAPES]
    grads = [[randn(m, n) / 4 for _, n, m in SHAPES] for _ in range(METHOD_STEPS)]
    grads[4][1] *= 64
    grads[6][0] *= 0
    return starts, grads


def method(name, make, lr, **settings):
    """g_A = 2 B^T G and g_B = 2 G A^T with the factors before the step."""
    settings = dict(dict(betas=[0.9, 0.99], eps=1e-6 if name == "lora_rite" else 1e-8, weight_decay=0.05), **settings)
    starts, grads = problem()
    pairs = [tuple(torch.nn.Parameter(f.clone()) for f in pair) for pair in starts]
    opt = make(pairs, lr, **settings)
    out = dict(settings, optimizer=name, lr=lr, after=[])
    for t, G in enumerate(grads, 1):
        for (a, b), g in zip(pairs, G):
            a.grad, b.grad = 2 * b.detach().T @ g, 2 * g @ a.detach().T
        opt.step()
        if t in SHOWN:
            # A factor of fewer columns than r has no QR of its own size: lora_rite's last pair is left out.
            shown = pairs[:2] if name == "lora_rite" else pairs
            out["after"].append(dict(step=t, A=[rounded(a) for a, _ in shown], B=[rounded(b) for _, b in shown]))
    return out


def rounded(x):
    return [[float(f"{v:.9g}") for v in row] for row in x.tolist()]


def methods():
    starts, grads = problem()
    rite = lambda pairs, *args, **kwargs: Rite(pairs[:2], *args, **kwargs)
    return dict(
        A0=[a.tolist() for a, _ in starts], B0=[b.tolist() for _, b in starts],
        G=[[g.tolist() for g in G] for G in grads],
        cases=[
            method("lora_plus", lora_plus, 0.01, lr_ratio=16.0),
            method("riemann", Riemann, 0.01, reg=0.01),
            method("riemann", Riemann, 0.01, reg=1e-4, updated_factors=True, weight_decay=0.0),
            method("riemann", Riemann, 0.002, reg=1.0, correct_bias=False),
            method("lora_rite", rite, 0.01),
            method("lora_rite", rite, 0.01, apply_escape=True, clip_unmagnified_grad=0.0),
            method("lora_rite", rite, 0.01, update_skipping=0.0, update_capping=0.3),
            method("lora_rite", rite, 0.01, balance_param=True, eps=1e-3, betas=[0.5, 0.9]),
        ],
    )


def schedule(kind, base, total, warmup):
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    s = {
        "constant": lambda: get_constant_schedule_with_warmup(opt, warmup),
        "linear": lambda: get_linear_schedule_with_warmup(opt, warmup, total),
        "cosine": lambda: get_cosine_schedule_with_warmup(opt, warmup, total),
    }[kind]()
    lrs = []
    for _ in range(total + 1):  # one step too many: it must not be negative
        lrs.append(s.get_last_lr()[0])
        opt.step()
        s.step()
    return dict(kind=kind, base=base, total=total, warmup=warmup, lr=lrs)


GOLDEN = {
    "origin": f"scripts/golden/optim.py, torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}, seed 7",
    "adamw": [
        adamw(dict(lr=0.01, betas=[0.9, 0.999], eps=1e-8, weight_decay=0.01, max_norm=1e30)),
        adamw(dict(lr=0.3, betas=[0.4, 0.9], eps=1e-3, weight_decay=0.5, max_norm=1.0)),
        adamw(dict(lr=0.01, betas=[0.0, 0.0], eps=1e-8, weight_decay=0.0, max_norm=0.5)),
    ],
    "methods": methods(),
    "schedules": [
        schedule(kind, 3e-4, total, warmup)
        for kind in ("constant", "linear", "cosine")
        for total, warmup in ((1, 0), (7, 0), (10, 3), (4, 4), (3, 5))
    ],
}
path = pathlib.Path(__file__).resolve().parents[2] / "internal/optim/testdata/golden.json"
path.write_text(json.dumps(GOLDEN) + "\n")
