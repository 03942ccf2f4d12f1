#!/usr/bin/env python3
"""Keeps of what the fuzzer found the inputs worth a place in the repository.

    .ci/fuzz 10m && python scripts/fuzz/corpus.py

Go keeps the inputs of a fuzzing run that covered something new in its cache,
hundreds for each target. This takes them by size, the smallest first, and adds
one to testdata/fuzz/TARGET of its package where it reaches a line that the
target's seeds, the inputs already there and those added before do not. `go test`
runs them all from then on.
"""

import argparse
import pathlib
import re
import subprocess
import tempfile

LARGEST = 4096  # bytes of an input


def go(*args, cwd="."):
    return subprocess.run(["go", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout


def blocks(binary, folder, run, profile):
    """The blocks of the package that a test reaches; none where the input is of an older target."""
    done = subprocess.run([binary, "-test.run", run, f"-test.coverprofile={profile}"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        if "values in corpus entry" in done.stdout:
            return set()
        raise SystemExit(f"{folder} {run} fails:\n{done.stdout}")
    lines = profile.read_text().splitlines()[1:]
    return {line.rsplit(" ", 2)[0] for line in lines if not line.endswith(" 0")}


def keep(package, folder, target, cache, work):
    found = sorted((p for p in (cache / package / target).glob("*") if p.stat().st_size <= LARGEST),
                   key=lambda p: (p.stat().st_size, p.name))
    binary, profile = work / "test", work / "profile"
    go("test", "-c", "-cover", "-o", str(binary), package)
    reached = blocks(binary, folder, f"^{target}$", profile)
    corpus = folder / "testdata" / "fuzz" / target
    corpus.mkdir(parents=True, exist_ok=True)
    kept = 0
    for p in found:
        here = corpus / p.name
        if here.exists():
            continue
        here.write_bytes(p.read_bytes())
        new = blocks(binary, folder, f"^{target}$/^{p.name}$", profile) - reached
        if new:
            reached |= new
            kept += 1
        else:
            here.unlink()
    if not any(corpus.iterdir()):
        corpus.rmdir()
    print(f"{package} {target}: {kept} of {len(found)}", flush=True)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("packages", nargs="*", default=["./..."])
    args = args.parse_args()
    cache = pathlib.Path(go("env", "GOCACHE").strip()) / "fuzz"
    for line in go("list", "-f", "{{.ImportPath}} {{.Dir}}", *args.packages).splitlines():
        package, folder = line.split(" ", 1)
        folder = pathlib.Path(folder)
        source = "".join(p.read_text() for p in sorted(folder.glob("*_test.go")))
        for target in re.findall(r"^func (Fuzz\w+)", source, re.M):
            with tempfile.TemporaryDirectory() as work:
                keep(package, folder, target, cache, pathlib.Path(work))


if __name__ == "__main__":
    main()
