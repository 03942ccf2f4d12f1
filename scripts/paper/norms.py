"""Prints how the norms of A and B went in training runs: docs/paper.md, "Norms".

    python scripts/paper/norms.py RUN [RUN ...]

For each run folder: ‖A‖ over its first value and ‖B‖, each the median over modules, at five steps; the smallest of the
former in any module and step; the steps whose tests stopped the shrinking, from the first module to the last. Reads
stability.jsonl; needs Python alone.
"""

import json
import pathlib
import statistics
import sys


def table(folder):
    """Rows by step, and the stop step of each module that has one."""
    steps, stops, shrank = {}, {}, set()
    for line in open(folder / "stability.jsonl"):
        row = json.loads(line)
        steps.setdefault(row["step"], {})[row["module"]] = row
        if row["shrinking"]:
            shrank.add(row["module"])
        elif row["module"] in shrank:
            stops.setdefault(row["module"], row["step"])
    return steps, stops


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    for name in sys.argv[1:]:
        steps, stops = table(pathlib.Path(name))
        first, last, cells = min(steps), max(steps), []
        for step in sorted({first, *(max(first, round(last * part)) for part in (0.1, 0.25, 0.5)), last}):
            modules = steps[step].values()
            a = statistics.median(r["norm_a"] / steps[first][r["module"]]["norm_a"] for r in modules)
            b = statistics.median(r["norm_b"] for r in modules)
            cells.append(f"step {step}: {a:.3f}, {b:.3f}")
        low = min(r["norm_a"] / steps[first][m]["norm_a"] for rows in steps.values() for m, r in rows.items())
        stop = f"{min(stops.values())} to {max(stops.values())}" if stops else "none"
        print(f"{name}\n  ‖A‖/‖A₀‖, ‖B‖ at {'; '.join(cells)}\n  smallest ‖A‖/‖A₀‖ {low:.5f}; "
              f"shrinking stopped at {stop}, {len(stops)} of {len(steps[last])} modules")


if __name__ == "__main__":
    main()
