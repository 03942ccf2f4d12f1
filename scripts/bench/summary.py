"""Whether samples are of the same work, which of them to trust, and their medians and ratios.

A sample is one run of one competitor in one round, with the machine's speed before and after it
(`probes`). Where the two differ by more than a tenth, or a probe got less than nine tenths of the
cores, the machine did something else as well and the sample is left out; a ratio needs all four
probes of its two samples to be so.
"""

import statistics

SPREAD = 0.10


def disagreement(a, b):
    """What differs beyond rounding in what two samples computed; empty if nothing."""
    who, rounded = f"{a['competitor']} and {b['competitor']}: ", "bf16" in a["competitor"] + b["competitor"]
    if "answers" in a:
        return differing(a["answers"], b["answers"], who, rounded)
    if "ids" in a:
        first, second = a["ids"][0], b["ids"][0]
        return "" if rounded or first == second else who + f"the first new token is {first} and {second}"
    for key in ("tokens", "supervised_tokens"):
        first, second = [s[key] for s in a["steps"]], [s[key] for s in b["steps"]]
        if first != second:
            return who + f"{key} of the steps are {first} and {second}"
    a, b = a["steps"][0], b["steps"][0]
    for key, absolute, relative in (("loss", 0, 1e-2), ("grad_norm", 0, 0.1)) if rounded else (("loss", 2e-5, 1e-5), ("grad_norm", 0, 1e-3)):
        if not abs(a[key] - b[key]) <= absolute + relative * abs(a[key]):
            return who + f"{key} of the first step is {a[key]} and {b[key]}"
    return ""


def differing(a, b, who, rounded):
    """What differs in answers: log-likelihoods of choices, or texts. Rounding may turn a text, but in float32 not most of them."""
    if isinstance(a[0], str):
        same = sum(x == y for x, y in zip(a, b))
        return "" if rounded or 2 * same >= len(a) else who + f"only {same} of {len(a)} texts are the same"
    for number, (x, y) in enumerate(zip(a, b)):
        for p, q in zip(x, y):
            if not abs(p - q) <= (0.1 + 2e-2 * abs(p) if rounded else 1e-3 + 1e-5 * abs(p)):
                return who + f"document {number} has the log-likelihoods {p} and {q}"
    return ""


def clean(*samples):
    probes = [p for s in samples for p in s["probes"]]
    speeds = [p["gflops"] for p in probes]
    return min(speeds) >= (1 - SPREAD) * max(speeds) and min(p["share"] for p in probes) >= 1 - SPREAD


def median(values):
    """Median, lowest, highest and number of (value, clean) pairs: of the clean ones, or of all where none is."""
    kept = [v for v, ok in values if ok] or [v for v, _ in values]
    return {"median": statistics.median(kept), "lowest": min(kept), "highest": max(kept), "n": len(kept),
            "of": len(values), "noisy": not any(ok for _, ok in values)}


def of(samples, competitor, key):
    return median([(s[key], clean(s)) for s in samples if s["competitor"] == competitor])


def ratios(samples, ours, peer, key):
    """Ours over the peer's, within each round."""
    by_round = {}
    for s in samples:
        by_round.setdefault(s["round"], {})[s["competitor"]] = s
    pairs = [(r[ours], r[peer]) for r in by_round.values() if ours in r and peer in r]
    return median([(a[key] / b[key], clean(a, b)) for a, b in pairs])


def names(samples):
    return list(dict.fromkeys(s["competitor"] for s in samples))


def versus(samples):
    """(ours, peer) of the same arithmetic."""
    found = names(samples)
    return [(a, b) for a in found if a.startswith("ours") for b in found
            if not b.startswith("ours") and a.split("-")[1] == b.split("-")[1]]


def summarize(samples, keys, ratio_keys):
    return {"competitors": {name: {key: of(samples, name, key) for key in keys} for name in names(samples)},
            "ratios": {f"{a} / {b}": {key: ratios(samples, a, b, key) for key in ratio_keys} for a, b in versus(samples)}}


def shown(m, form, factor=1):
    middle, low, high = (format(m[k] * factor, form) for k in ("median", "lowest", "highest"))
    return middle if low == high else f"{middle} [{low}, {high}]"


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows)


def text(summary, columns):
    """Tables of a summary: median [lowest, highest] of the rounds that count. Columns are (key, heading, format, factor)."""
    def rows(title, part, columns):
        yield [title] + [heading for _, heading, _, _ in columns] + ["quiet rounds"]
        for name, measured in part.items():
            m = measured[columns[0][0]]
            quiet = f"none of {m['of']}: all are shown" if m["noisy"] else f"{m['n']} of {m['of']}"
            yield [name] + [shown(measured[key], form, factor) for key, _, form, factor in columns] + [quiet]

    out = table(list(rows("competitor", summary["competitors"], columns)))
    if summary["ratios"]:
        keys = next(iter(summary["ratios"].values()))
        out += "\n\n" + table(list(rows("ratio within a round", summary["ratios"], [(k, h, ".2f", 1) for k, h, _, _ in columns if k in keys])))
    return out
