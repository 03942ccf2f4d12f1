"""Golden numbers for internal/optim: torch.optim.AdamW, clip_grad_norm_ and
transformers' schedules.

    python scripts/golden/optim.py

writes internal/optim/testdata/golden.json. Float32 on one thread, seed 7; values are
written exactly. Needs torch and transformers.
"""

import json
import pathlib

import torch
import transformers
from transformers import get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

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
    "origin": f"scripts/golden/optim.py, torch {torch.__version__}, transformers {transformers.__version__}, seed 7",
    "adamw": [
        adamw(dict(lr=0.01, betas=[0.9, 0.999], eps=1e-8, weight_decay=0.01, max_norm=1e30)),
        adamw(dict(lr=0.3, betas=[0.4, 0.9], eps=1e-3, weight_decay=0.5, max_norm=1.0)),
        adamw(dict(lr=0.01, betas=[0.0, 0.0], eps=1e-8, weight_decay=0.0, max_norm=0.5)),
    ],
    "schedules": [
        schedule(kind, 3e-4, total, warmup)
        for kind in ("constant", "linear", "cosine")
        for total, warmup in ((1, 0), (7, 0), (10, 3), (4, 4), (3, 5))
    ],
}
path = pathlib.Path(__file__).resolve().parents[2] / "internal/optim/testdata/golden.json"
path.write_text(json.dumps(GOLDEN) + "\n")
