"""What the comparison runs on: CPU features, pinning, child processes and their memory."""

import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

FEATURES = ("avx2", "fma", "avx512f", "avx512bw", "avx512_bf16", "amx_bf16", "asimd", "bf16")
HERE = pathlib.Path(__file__).parent


def cpu():
    """Name and, of FEATURES, those this CPU has (Linux; elsewhere none are known)."""
    text = pathlib.Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    fields = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields.get("flags", fields.get("Features", "")).split()
    return fields.get("model name", platform.processor()), [f for f in FEATURES if f in flags]


def has_bf16(features):
    """Whether there is an instruction for products of bfloat16; without one PyTorch takes minutes a step."""
    return any(f in features for f in ("avx512_bf16", "amx_bf16", "bf16"))


def pin(threads):
    """Keeps this process and its children on the first `threads` cores it may use."""
    cores = sorted(os.sched_getaffinity(0))
    if threads > len(cores):
        sys.exit(f"--threads {threads}: only {len(cores)} cores may be used")
    os.sched_setaffinity(0, cores[:threads])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)


class Failed(Exception):
    """A child that ended with an error; its text is the end of what it wrote."""


def run(command, log):
    """Runs a child with its standard output in the file `log` and says when it started, how long it ran, its CPU time and its peak RSS.

    The peak is the OS's, of the child and the processes it waited for (rusage of wait4): the same
    method for every competitor. It includes loading the model. Where memory ends, the kernel
    is told to take the child rather than anything else.
    """
    def first_to_go():
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000")

    errors = log.with_suffix(".stderr")
    with open(log, "w") as out, open(errors, "w") as err:
        started = time.time()
        child = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err, preexec_fn=first_to_go)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        wall = time.time() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * 1024
    if child.returncode == -9:
        raise Failed(f"killed after {wall:.0f} s at {peak / 1e9:.1f} GB: it does not fit in memory")
    if child.returncode:
        raise Failed(f"exit status {child.returncode}: " + errors.read_text()[-2000:])
    return {"started": started, "wall_seconds": wall, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_rss_bytes": peak}


def into_page_cache(folder):
    for path in pathlib.Path(folder).iterdir():
        with open(path, "rb") as f:
            while f.read(1 << 24):
                pass


def probe():
    """GFLOP/s of float32 products on every core, and the share of the cores that they got, measured in a
    process of its own: a BLAS's threads go on waiting busily after a call and would take the next
    competitor's cores."""
    out = subprocess.run([sys.executable, __file__], check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(zip(("gflops", "share"), map(float, out.split())))


def sgemm(n=1536, seconds=1.0):
    import numpy

    a = numpy.ones((n, n), numpy.float32)
    out = a @ a  # starts the threads
    times, used = [], time.process_time()
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        numpy.matmul(a, a, out=out)
        times.append(time.perf_counter() - began - elapsed)
    share = (time.process_time() - used) / elapsed / len(os.sched_getaffinity(0))
    return 2 * n**3 / statistics.median(times) / 1e9, share


if __name__ == "__main__":
    print(*sgemm())
