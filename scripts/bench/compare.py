"""Training and generation speed and memory of stablelora beside PyTorch + PEFT, in turn on the same cores.

    python scripts/bench/compare.py train --preset qwen2-0.5b --tokenizer DIR --scenarios fixed:0.25
    python scripts/bench/compare.py startup|generate --model DIR
    python scripts/bench/compare.py scaling --preset qwen2-0.5b
    python scripts/bench/compare.py eval --model DIR --hellaswag FILE

README.md beside this file explains. Linux; needs go and requirements.txt.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import evaluation
import machine
import ours
import summary

HERE = pathlib.Path(__file__).resolve().parent
PRESETS = ["qwen2-0.5b", "llama3.2-1b", "qwen2-1.5b", "llama3.2-3b"]
TRAINERS = ["ours-fp32", "eager-fp32", "compile-fp32", "ours-bf16", "eager-bf16", "compile-bf16"]
GENERATORS = ["ours-fp32", "eager-fp32", "ours-bf16", "eager-bf16"]
EVALUATORS = ["ours-fp32", "harness1-fp32", "harness8-fp32", "ours-bf16", "harness1-bf16", "harness8-bf16"]
DTYPE = {"fp32": "float32", "bf16": "bfloat16"}
GB = 1e-9


def note(text):
    print(text, file=sys.stderr, flush=True)


def prepare(args, steps, scenarios=(), **more):
    line = [sys.executable, HERE / "prepare.py", "--model", args.model, "--out", args.work / "data", "--steps", str(steps), *scenarios]
    for key, value in more.items():
        if value:
            line += ["--" + key, str(value)]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout)


def chosen(args, known):
    """The competitors asked for, or all that suit this machine."""
    if args.competitors:
        return args.competitors
    _, features = machine.cpu()
    kept = []
    for name in known:
        if name.endswith("bf16") and not machine.has_bf16(features):
            note(f"{name} left out: this CPU has no bfloat16 products (name it in --competitors to run it anyway)")
        else:
            kept.append(name)
    return kept


def pytorch(args, what, competitor, extra):
    kind, dtype = competitor.split("-")
    out = args.work / "pytorch.json"
    line = [sys.executable, HERE / "pytorch_worker.py", what, "--model", args.model, "--dtype", DTYPE[dtype],
            "--threads", args.threads, "--output", out, *extra] + ["--compile"] * (kind == "compile")
    run = machine.run(line, args.work / "pytorch.log")
    return run | json.loads(out.read_text())


def train_once(args, competitor, data, steps):
    if competitor.startswith("ours"):
        return ours.train(args, data, steps, competitor.split("-")[1])
    return pytorch(args, "train", competitor, ["--adapter", args.work / "data/adapter", "--examples", data / "examples.json", "--steps", steps])


def in_turn(args, competitors, once):
    """Each competitor once a round, A B C A B C, between probes; one that fails is not tried again."""
    samples, failed = [], {}
    before = machine.probe()
    for number in range(1, args.rounds + 1):
        for name in competitors:
            if name in failed:
                continue
            try:
                sample = {"round": number, "competitor": name} | once(name)
            except machine.Failed as err:
                failed[name] = str(err)
                note(f"{name} failed: {err}")
                before = machine.probe()
                continue
            after = machine.probe()
            sample["probes"], before = [before, after], after
            samples.append(sample)
            for earlier in samples[:-1]:
                if why := summary.disagreement(earlier, sample):
                    sys.exit(f"void, the competitors compute different things: {why}")
            probes = " and ".join(f"{p['gflops']:.0f} GFLOP/s on {p['share']:.0%} of the cores" for p in sample["probes"])
            note(f"round {number}, {name}: {sample['line']}, {sample['peak_rss_bytes'] * GB:.2f} GB in {sample['wall_seconds']:.0f} s; machine at {probes}"
                 + ("" if summary.clean(sample) else ": NOISY"))
    return samples, failed


def train(args, results):
    prepare(args, args.warmup + args.steps, args.scenarios, tokens=args.tokens, gsm8k=args.gsm8k)
    competitors = chosen(args, TRAINERS)
    for scenario in args.scenarios:
        def once(name):
            sample = train_once(args, name, args.work / "data" / scenario, args.warmup + args.steps)
            timed = sample["steps"][args.warmup:]
            if scenario.startswith("fixed"):  # equal steps: the median one
                sample["tokens_per_second"] = timed[0]["tokens"] / summary.statistics.median(s["seconds"] for s in timed)
            else:
                sample["tokens_per_second"] = sum(s["tokens"] for s in timed) / sum(s["seconds"] for s in timed)
            sample["seconds_per_step"] = sum(s["seconds"] for s in timed) / len(timed)
            sample["computed_per_token"] = sum(s["computed_tokens"] for s in timed) / sum(s["tokens"] for s in timed)
            sample["first_loss"], sample["first_grad_norm"] = sample["steps"][0]["loss"], sample["steps"][0]["grad_norm"]
            sample["line"] = f"{sample['tokens_per_second']:.1f} tokens/s, first loss {sample['first_loss']:.6f}, gradient norm {sample['first_grad_norm']:.6f}"
            return sample
        note(f"\n{scenario}")
        samples, failed = in_turn(args, competitors, once)
        keys = ("tokens_per_second", "seconds_per_step", "peak_rss_bytes", "computed_per_token", "first_loss")
        results[scenario] = summary.summarize(samples, keys, ("tokens_per_second", "peak_rss_bytes")) | {"failed": failed, "samples": samples}
        show(f"{scenario}: {args.steps} timed steps after {args.warmup}, {args.rounds} rounds", results[scenario],
             [("tokens_per_second", "tokens/s", ".1f", 1), ("seconds_per_step", "s a step", ".2f", 1),
              ("peak_rss_bytes", "peak RSS, GB", ".2f", GB), ("computed_per_token", "computed tokens each", ".2f", 1), ("first_loss", "first loss", ".5f", 1)])


def startup(args, results):
    """From the start of the process to the end of the first step, less that step."""
    args.tokens, scenario = 32, "fixed:0.25"
    prepare(args, 1, [scenario], tokens=args.tokens)
    competitors = [c for c in chosen(args, TRAINERS) if not c.startswith("compile")]

    def once(name):
        sample = train_once(args, name, args.work / "data" / scenario, 1)
        step = sample["steps"][0]
        sample["overhead_seconds"] = step["ended"] - sample["started"] - step["seconds"]
        sample["line"] = f"{sample['overhead_seconds']:.2f} s and a step of {step['seconds']:.2f} s"
        return sample
    samples, failed = in_turn(args, competitors, once)
    keys = ("overhead_seconds", "wall_seconds")
    results["startup"] = summary.summarize(samples, keys, keys) | {"failed": failed, "samples": samples}
    show("start of the process to the first optimizer step, less the step", results["startup"],
         [("overhead_seconds", "overhead, s", ".2f", 1), ("wall_seconds", "whole process, s", ".2f", 1)])


def generate(args, results):
    prepare(args, 0, prompt=args.prompt)
    competitors = chosen(args, GENERATORS)

    def once(name):
        if name.startswith("ours"):
            sample = ours.generate(args, name.split("-")[1], args.new)
        else:
            sample = pytorch(args, "generate", name, ["--prompts", args.work / "data", "--new-tokens", args.new])
        sample["prompt_tokens_per_second"] = (args.prompt - 1) / (sample["prompt_seconds"] - sample["short_seconds"])
        sample["decode_tokens_per_second"] = (len(sample["ids"]) - 1) / (sample["whole_seconds"] - sample["prompt_seconds"])
        sample["line"] = (f"prompt {sample['prompt_tokens_per_second']:.1f}, decode {sample['decode_tokens_per_second']:.2f} tokens/s, "
                          f"tokens {sample['ids'][:4]}…")
        return sample
    samples, failed = in_turn(args, competitors, once)
    keys = ("prompt_tokens_per_second", "decode_tokens_per_second", "peak_rss_bytes")
    results["generate"] = summary.summarize(samples, keys, keys) | {"failed": failed, "samples": samples}
    show(f"prompt of {args.prompt} tokens, {args.new} new ones, greedy", results["generate"],
         [("prompt_tokens_per_second", "prompt tokens/s", ".1f", 1), ("decode_tokens_per_second", "decode tokens/s", ".2f", 1),
          ("peak_rss_bytes", "peak RSS, GB", ".2f", GB)])


def evaluate(args, results):
    competitors = chosen(args, EVALUATORS)
    for scenario in args.scenarios:
        data = evaluation.prepare(args, scenario)

        def once(name):
            kind, compute = name.split("-")
            if kind == "ours":
                sample = evaluation.ours(args, scenario, data, compute)
            else:
                sample = evaluation.harness(args, scenario, data, kind.removeprefix("harness"), DTYPE[compute])
            sample["documents_per_second"] = sample["timed_documents"] / sample["seconds"]
            sample["line"] = f"{sample['documents_per_second']:.3f} documents/s"
            return sample
        note(f"\n{scenario}")
        samples, failed = in_turn(args, competitors, once)
        keys = ("documents_per_second", "peak_rss_bytes")
        results[scenario] = summary.summarize(samples, keys, keys) | {"failed": failed, "samples": samples}
        show(f"{scenario}: {args.documents} documents, {args.rounds} rounds", results[scenario],
             [("documents_per_second", "documents/s", ".3f", 1), ("peak_rss_bytes", "peak RSS, GB", ".2f", GB)])


def scaling(args, results):
    """What a token costs as sequences grow."""
    rows, runs = [["tokens", "s a step", "tokens/s", "ms a token", "GFLOP/s", "of peak", "peak RSS, GB"]], []
    results["scaling"] = runs
    for tokens in args.lengths:
        r = ours.bench(args, tokens)
        runs.append(r)
        rows.append([str(tokens), f"{r['step_seconds']:.3f}", f"{r['tokens_per_second']:.1f}", f"{1e3 / r['tokens_per_second']:.2f}",
                     f"{r['gflops']:.1f}", f"{r['fraction_of_peak']:.2f}", f"{r['peak_rss_bytes'] * GB:.2f}"])
        note("  ".join(rows[-1]))
    print(f"\n{args.preset}, {args.compute}, one sequence a step, 25 % supervised\n" + summary.table(rows), flush=True)


def show(title, result, columns):
    print(f"\n{title}\n" + summary.text(result, columns))
    for name, why in result["failed"].items():
        print(f"{name} failed: {why.splitlines()[0]}")
    sys.stdout.flush()


def arguments():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    for name, known, rounds, steps in (("train", TRAINERS, 3, 3), ("startup", TRAINERS, 5, 1), ("generate", GENERATORS, 3, 1),
                                       ("eval", EVALUATORS, 3, 1), ("scaling", [], 1, 3)):
        p = commands.add_parser(name, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
        p.add_argument("--stablelora", dest="binary", type=pathlib.Path, help="program to measure; without it, it is built")
        p.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "stablelora-bench",
                       help="folder for random checkpoints, data and compiled code; kept")
        p.add_argument("--output", type=pathlib.Path, help="JSON file for everything measured")
        if name in ("train", "scaling"):
            p.add_argument("--steps", type=int, default=steps, help="timed steps of a run")
        if name == "scaling":
            p.add_argument("--preset", choices=PRESETS, required=True)
            p.add_argument("--compute", choices=DTYPE, default="fp32")
            p.add_argument("--lengths", type=int, nargs="+", default=[128, 256, 512, 1024, 2048])
            continue
        p.add_argument("--rounds", type=int, default=rounds)
        p.add_argument("--model", type=pathlib.Path, help="checkpoint folder")
        p.add_argument("--preset", choices=PRESETS, help="instead: random weights of this shape; needs --tokenizer")
        p.add_argument("--tokenizer", type=pathlib.Path, help="folder with tokenizer.json, for --preset")
        p.add_argument("--competitors", nargs="+", choices=known, help="without it, all that this machine has")
    p = commands.choices["train"]
    p.add_argument("--scenarios", nargs="+", default=["fixed:0.25"], help="fixed:FRACTION supervised, or gsm8k:BATCH")
    p.add_argument("--tokens", type=int, default=256, help="of each of the two sequences of a fixed step")
    p.add_argument("--gsm8k", type=pathlib.Path, help="GSM8K's train.jsonl")
    p.add_argument("--warmup", type=int, default=1, help="steps before the timed ones")
    p = commands.choices["generate"]
    p.add_argument("--prompt", type=int, default=512)
    p.add_argument("--new", type=int, default=64)
    p = commands.choices["eval"]
    p.add_argument("--scenarios", nargs="+", default=["hellaswag"], choices=["hellaswag", "gsm8k", "gsm8k_cot"])
    p.add_argument("--documents", type=int, default=24, help="evenly over the file")
    p.add_argument("--hellaswag", type=pathlib.Path, help="HellaSwag's validation file, JSON lines")
    p.add_argument("--gsm8k", type=pathlib.Path, help="GSM8K's test.jsonl")
    p.add_argument("--gsm8k-train", type=pathlib.Path, help="GSM8K's train.jsonl, for the examples")
    p.add_argument("--shots", type=int, default=5, help="examples before a question of gsm8k")
    p.add_argument("--new", type=int, default=64, help="new tokens at most of an answer to GSM8K")
    return parser, parser.parse_args()


def checkpoint(parser, args):
    if (args.model is None) == (args.preset is None):
        parser.error("give either --model or --preset")
    if args.preset:
        if args.tokenizer is None:
            parser.error("--preset needs --tokenizer")
        args.model = args.work / args.preset
        if not (args.model / "tokenizer.json").exists():
            subprocess.run([sys.executable, ours.ROOT / "scripts/random_model.py", args.preset, args.model, "--tokenizer", args.tokenizer],
                           check=True, stdout=subprocess.DEVNULL)
    args.model = args.model.resolve()
    machine.into_page_cache(args.model)


def main():
    parser, args = arguments()
    if args.what == "train" and args.gsm8k is None and any(s.startswith("gsm8k") for s in args.scenarios):
        parser.error("a gsm8k scenario needs --gsm8k")
    if args.what == "eval" and (args.hellaswag is None and "hellaswag" in args.scenarios
                                or args.gsm8k is None and {"gsm8k", "gsm8k_cot"} & set(args.scenarios)
                                or args.gsm8k_train is None and "gsm8k" in args.scenarios):
        parser.error("hellaswag needs --hellaswag, gsm8k --gsm8k and --gsm8k-train, gsm8k_cot --gsm8k")
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(args.work / "compiled")
    args.binary = args.binary.resolve() if args.binary else ours.build(args.work)
    machine.pin(args.threads)
    if args.what != "scaling":
        checkpoint(parser, args)
    name, features = machine.cpu()
    about = {"cpu": name, "features": features, "threads": args.threads, "stablelora": ours.version(args.binary)}
    print(f"{name}, {args.threads} threads, with {', '.join(features)}; kernel {about['stablelora'].get('kernel')}; {args.preset or args.model.name}", flush=True)
    results = {}
    try:
        {"train": train, "startup": startup, "generate": generate, "eval": evaluate, "scaling": scaling}[args.what](args, results)
    finally:  # what was measured before an end, too
        if args.output:
            settings = {k: str(v) if isinstance(v, pathlib.Path) else v for k, v in vars(args).items()}
            args.output.write_text(json.dumps({"machine": about, "settings": settings, "results": results}, indent=1))


if __name__ == "__main__":
    main()
