"""Makes the .pth files beside this script and expected.json, with PyTorch 1.13 and torchvision 0.14.

Run: python3 make_weights_goldens.py
"""
import json
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
import torchvision

HERE = Path(__file__).parent
expected = {}


def save(name, value, tensors=None, stream=False):
    torch.save(value, HERE / name, _use_new_zipfile_serialization=not stream)
    if tensors is not None:
        expected[name] = {
            key: {"type": str(t.dtype).removeprefix("torch."), "shape": list(t.shape),
                  "values": t.detach().to(torch.float32).contiguous().flatten().tolist()}
            for key, t in tensors.items()
        }


def both(name, value, tensors=None):
    save(f"{name}.pth", value, tensors)
    save(f"{name}.stream.pth", value, tensors, stream=True)


torch.manual_seed(1)

plain = OrderedDict(
    conv=torch.randn(4, 3, 2, 2), bias=torch.randn(4), scalar=torch.tensor(7), empty=torch.zeros(0, 3), text=torch.randn(3, 5))
both("plain", plain, plain)

types = {str(t).removeprefix("torch."): (torch.randn(2, 5) * 50).to(t) for t in (
    torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)}
types["bool"] = torch.tensor([[True, False, True]])
types["half_extremes"] = torch.tensor([0., -0., 6e-8, -6e-8, 6.1e-5, 65504., float("inf"), float("-inf")], dtype=torch.float16)
types["double_rounds"] = torch.tensor([1 / 3, 1e-50, 1e39], dtype=torch.float64)
both("types", types, types)

base = torch.arange(24, dtype=torch.float32)
views = OrderedDict(
    base=base, part=base[5:9], matrix=base.view(4, 6), transposed=base.view(4, 6).t(), every_third=base[1::3],
    permuted=base.view(2, 3, 4).permute(2, 0, 1), inner=base.view(4, 6)[1:3, 2:5], expanded=base[3:4].expand(2, 3),
    channels_last=torch.randn(2, 3, 2, 2).contiguous(memory_format=torch.channels_last), size_one=base.view(4, 1, 6)[:, :, ::2],
    half_transposed=torch.randn(3, 4).half().t(), byte_transposed=torch.arange(12, dtype=torch.uint8).view(3, 4).t(),
    double_transposed=torch.randn(3, 4).double().t())
both("views", views, views)

both("parameters", OrderedDict(weight=torch.nn.Parameter(plain["conv"]), bias=torch.nn.Parameter(plain["bias"])),
     {"weight": plain["conv"], "bias": plain["bias"]})

small = torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(2, 3, 3), bn=torch.nn.BatchNorm2d(3)))
optimizer = torch.optim.SGD(small.parameters(), lr=0.1, momentum=0.9)
small(torch.randn(2, 2, 5, 5)).sum().backward()
optimizer.step()
parallel = OrderedDict((f"module.{k}", v) for k, v in small.state_dict().items())
both("checkpoint", {"epoch": 3, "arch": "small", "best_acc1": torch.tensor([12.5]), "state_dict": parallel, "optimizer": optimizer.state_dict()}, small.state_dict())
save("model_entry.pth", {"model": small.state_dict(), "epoch": None, "seed": 2 ** 70, "history": [1, (2, 3.5)]}, small.state_dict())
for protocol in (4, 5):
    torch.save({"model": small.state_dict(), "history": [b"x", True]}, HERE / f"protocol{protocol}.pth", pickle_protocol=protocol)
    expected[f"protocol{protocol}.pth"] = expected["model_entry.pth"]

# What must be refused.
save("module.pth", small)
both("single_tensor", base)
both("no_state_dict", {"epoch": 3, "lr": 0.1})
torch.jit.script(torch.nn.Linear(2, 2)).save(str(HERE / "script.pth"))
save("complex.pth", {"weight": torch.zeros(2, dtype=torch.complex64)})


class Evil:
    def __reduce__(self):
        return os.system, ("touch executed-by-a-weights-file",)


both("evil", {"weight": base, "payload": Evil()})
with zipfile.ZipFile(HERE / "compressed.pth", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("archive/data.pkl", pickle.dumps({}, protocol=2))

(HERE / "expected.json").write_text(json.dumps(expected).replace("Infinity", "1e999"))

for depth in (18, 50):
    state = getattr(torchvision.models, f"resnet{depth}")().state_dict()
    (HERE / f"resnet{depth}.names").write_text("".join(f"{k} {list(v.shape)}\n" for k, v in state.items()))
