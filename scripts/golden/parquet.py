"""Writes the Parquet files of internal/parquet/testdata with pyarrow, each in
another of the ways in which files are written, and beside them the rows as
pyarrow reads them; NAME_HOW.parquet has those of NAME.parquet.

    python scripts/golden/parquet.py
"""

import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parents[2] / "internal/parquet/testdata"


def plain(value):
    """What JSON has no form for is null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value) or isinstance(value, bytes):
        return None
    return value


def write(name, table, rows=True, **how):
    OUT.mkdir(exist_ok=True)
    pq.write_table(table, OUT / f"{name}.parquet", store_schema=False, **how)
    if rows and "_" not in name:
        with open(OUT / f"{name}.jsonl", "w") as f:
            for row in pq.read_table(OUT / f"{name}.parquet").to_pylist():
                f.write(json.dumps(plain(row), ensure_ascii=False) + "\n")


def main():
    choices = pa.struct([("text", pa.list_(pa.string())), ("label", pa.list_(pa.string()))])
    openbookqa = pa.table({
        "id": ["7-980", "7-584", "8-343"],
        "question_stem": ["The sun is responsible for", "Quand il neige, \"on\"\n", "A magnet\t"],
        "choices": pa.array([{"text": [f"choice {i}{j}" for j in range(4)], "label": list("ABCD")} for i in range(3)], choices),
        "answerKey": ["D", "A", "B"],
    })
    write("openbookqa", openbookqa)
    write("openbookqa_v2_zstd", openbookqa, compression="zstd", data_page_version="2.0")
    write("openbookqa_gzip", openbookqa, compression="gzip", use_dictionary=False)
    write("openbookqa_none", openbookqa, compression="none", row_group_size=2, write_statistics=False)

    inner = pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))])
    nested = pa.table({
        "n": pa.array([1, None, -3, 4, 5, None], pa.int64()),
        "s": pa.array([{"a": 1, "b": ["x", None, ""]}, None, {"a": None, "b": None}, {"a": 2, "b": []}, {"a": 3, "b": ["y"]}, {"a": 4, "b": [None]}], inner),
        "l": pa.array([[[1, 2], [], None], None, [], [[3]], [None, [4]], [[]]], pa.list_(pa.list_(pa.int16()))),
        "o": pa.array([[{"a": 1, "b": ["p"]}, None], [], None, [{"a": None, "b": None}], [{"a": 6, "b": []}], [{"a": 7, "b": ["q", "r"]}] * 2], pa.list_(inner)),
    })
    write("nested", nested)
    write("nested_v2", nested, data_page_version="2.0", compression="snappy")

    n = 400
    words = [f"word {i * i % 97} " * (i % 5) for i in range(n)]
    many = pa.table({
        "text": words,
        "flag": pa.array([None if i % 7 == 0 else i % 3 == 0 for i in range(n)]),
        "u": pa.array([2**64 - 1 - i for i in range(n)], pa.uint64()),
        "u32": pa.array([2**32 - 1 - i for i in range(n)], pa.uint32()),
        "f": pa.array([float("nan") if i % 50 == 0 else i / 3 for i in range(n)], pa.float64()),
        "h": pa.array([i / 10 for i in range(n)], pa.float32()),
        "raw": pa.array([b"\xff\xfe" for _ in range(n)], pa.binary()),
        "list": pa.array([list(range(i % 4)) for i in range(n)], pa.list_(pa.int8())),
    })
    write("pages", many, data_page_size=256, write_batch_size=16, row_group_size=150, write_statistics=False)
    write("pages_v2", many, data_page_size=256, write_batch_size=16, data_page_version="2.0", compression="zstd", use_dictionary=["text"])

    text = pa.table({"text": ["one", "two"]})
    write("delta", text, rows=False, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})
    write("brotli", text, rows=False, compression="brotli")
    write("latin1", pa.table({"text": pa.array([b"caf\xe9"], pa.binary()).view(pa.string())}), rows=False, write_statistics=False)


main()
