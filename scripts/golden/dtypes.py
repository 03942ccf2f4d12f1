"""The golden file of internal/safetensors, from the official library.

    python scripts/golden/dtypes.py

writes internal/safetensors/testdata/dtypes.safetensors: one small tensor of
every dtype torch has, names that need escaping, an empty tensor and a scalar.
Needs torch and safetensors.
"""

import pathlib

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/safetensors/testdata/dtypes.safetensors"
names = ("uint8 bool int64 float64 float32 bfloat16 float16 int32 int16 int8 uint16 uint32 uint64 complex64 "
         "float8_e4m3fn float8_e5m2 float8_e8m0fnu float8_e4m3fnuz float8_e5m2fnuz float4_e2m1fn_x2").split()
tensors = {f"{len(names) - i:02d}.{n}": torch.arange(16, dtype=torch.uint8).view(getattr(torch, n)) for i, n in enumerate(names) if n != "bool"}
tensors["bool"] = torch.tensor([True, False, True])
tensors["odd \"\\ \b\f\n\r\t\x01\x7f </é\u2028"] = torch.tensor(1.5)
tensors["empty"] = torch.zeros(0, 3)
save_file(tensors, OUT, {"format": "pt"})
