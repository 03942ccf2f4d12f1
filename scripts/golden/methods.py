"""Optimizers of LoRA pairs that no library has, written from their formulas.

`step(pairs)` takes the gradients of the (A, B) parameters and updates them in place,
in their own precision. Used by optim.py and model.py.
"""

import torch


class Riemann:
    """torch's AdamW behind PEFT's preconditioner, or one of the variants of the authors' code."""

    def __init__(self, pairs, lr, reg, updated_factors=False, correct_bias=True, **adamw):
        from peft.optimizers.riemannian import _RiemannianPreconditioner

        self.pairs, self.reg, self.updated = pairs, reg, updated_factors
        self.precondition = _RiemannianPreconditioner(pairs, reg).step
        self.inverse = _RiemannianPreconditioner._damped_inverse
        if correct_bias:
            make = lambda params: torch.optim.AdamW(params, lr=lr, **adamw)
        else:
            make = lambda params: Uncorrected(params, lr, **adamw)
        self.opt = [make([p for pair in pairs for p in pair])]
        if updated_factors:
            self.opt = [make([a for a, _ in pairs]), make([b for _, b in pairs])]

    @torch.no_grad()
    def step(self, lr=None):
        for opt in self.opt:
            for group in opt.param_groups:
                group["lr"] = group["lr"] if lr is None else lr
        if not self.updated:
            self.precondition()
            return self.opt[0].step()
        for a, b in self.pairs:
            a.grad = self.inverse(b.T @ b, self.reg) @ a.grad
        self.opt[0].step()
        for a, b in self.pairs:
            b.grad = b.grad @ self.inverse(a @ a.T, self.reg)
        self.opt[1].step()


class Uncorrected:
    """AdamW without bias correction, decay first."""

    def __init__(self, params, lr, betas, eps, weight_decay):
        self.param_groups, self.betas, self.eps, self.decay = [dict(params=params, lr=lr)], betas, eps, weight_decay
        self.m = [torch.zeros_like(p) for p in params]
        self.v = [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step(self):
        lr = self.param_groups[0]["lr"]
        for p, m, v in zip(self.param_groups[0]["params"], self.m, self.v):
            p.mul_(1 - lr * self.decay)
            m.lerp_(p.grad, 1 - self.betas[0])
            v.mul_(self.betas[1]).addcmul_(p.grad, p.grad, value=1 - self.betas[1])
            p.addcdiv_(m, v.sqrt() + self.eps, value=-lr)


class Rite:
    """LoRA-RITE (arXiv 2410.20625) with the settings of the authors' PyTorch code; factors are taken tall."""

    def __init__(self, pairs, lr, betas, eps, weight_decay, clip_unmagnified_grad=1.0, update_skipping=1.0,
                 update_capping=0.0, apply_escape=False, balance_param=False):
        self.pairs, self.lr, self.betas, self.eps, self.decay = pairs, lr, betas, eps, weight_decay
        self.clip, self.skip, self.cap = clip_unmagnified_grad, update_skipping, update_capping
        self.escape, self.balance, self.t = apply_escape, balance_param, 0
        # Of each factor: basis U, mean M, second moment V, escaped mass.
        self.state = [[dict(U=torch.zeros_like(f), M=torch.zeros_like(f), V=f.new_zeros(f.shape[1], f.shape[1]), rho=0.0)
                       for f in (a.detach().T, b.detach())] for a, b in pairs]

    def unmagnify(self, pair, state):
        """Per factor: u, the change P of the partner's basis, and the partner's inverse."""
        factors = [pair[0].T, pair[1]]
        grads = [pair[0].grad.T, pair[1].grad]
        bases, rotations = zip(*(torch.linalg.qr(f) for f in factors))
        out = []
        for i in (0, 1):
            inverse = torch.linalg.pinv(rotations[1 - i])
            u = grads[i] @ inverse
            if self.skip > 0 and u.square().mean().sqrt() > self.skip:
                u = torch.zeros_like(u)
            out.append((u, bases[1 - i].T @ state[1 - i]["U"], inverse))
        for i in (0, 1):
            state[i]["U"] = bases[i]
        return out

    def mean(self, s, u, turn):
        b1, b2 = (b * (1 - b ** (self.t - 1)) / (1 - b**self.t) for b in self.betas)
        turned = turn @ s["V"] @ turn.T
        turned = (turned + turned.T) / 2
        if self.escape:
            lost = (torch.linalg.eigvalsh(s["V"]) - torch.linalg.eigvalsh(turned)).max().clamp(min=0)
            trace = (s["V"].trace() - turned.trace()).clamp(min=0)
            s["rho"] = b2 * (s["rho"] + torch.minimum(lost, trace))
        s["V"] = (1 - b2) * (u.T @ u) / u.shape[0] + b2 * turned
        w, q = torch.linalg.eigh(s["V"])
        u = u @ (q / ((w.clamp(min=0) + s["rho"]).sqrt() + self.eps)) @ q.T
        s["M"] = (1 - b1) * u + b1 * s["M"] @ turn.T
        rms = s["M"].square().mean().sqrt()
        return s["M"] / max(1.0, rms / self.cap) if self.cap > 0 else s["M"]

    @torch.no_grad()
    def step(self, lr=None):
        lr = self.lr if lr is None else lr
        self.t += 1
        sides = [self.unmagnify(pair, state) for pair, state in zip(self.pairs, self.state)]
        norm = sum(u.square().sum() for side in sides for u, _, _ in side).sqrt()
        clip = self.clip / norm if self.clip > 0 and norm > self.clip else 1.0
        for pair, state, side in zip(self.pairs, self.state, sides):
            deltas = [self.mean(s, u * clip, turn) @ inverse.T for s, (u, turn, inverse) in zip(state, side)]
            for p, d in zip(pair, (deltas[0].T, deltas[1])):
                p.sub_(lr * (d + self.decay * p))
            if self.balance:
                a, b = (p.norm() + 1e-6 for p in pair)
                pair[0].mul_((a * b).sqrt() / a)
                pair[1].mul_((a * b).sqrt() / b)


def lora_plus(pairs, lr, lr_ratio, **adamw):
    groups = [dict(params=[a for a, _ in pairs], lr=lr), dict(params=[b for _, b in pairs], lr=lr * lr_ratio)]
    return torch.optim.AdamW(groups, **adamw)
