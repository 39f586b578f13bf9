"""Writes checkpoints with PyTorch as training scripts write them, and compares the tool's answers with PyTorch's.

A checkpoint is one of 6 containers x 12 prefixes x 8 heads x 12 architectures, drawn by a seed. Each network is small, with random
weights and batch-norm statistics. The tool passes when the relative L2 error of its answer is at most 1e-5.

    python3 tests/reference/checkpoint_matrix.py                              200 draws with the tool built from the tree
    python3 tests/reference/checkpoint_matrix.py --count 50 --seed 7          others
    python3 tests/reference/checkpoint_matrix.py --tool "dotnet out/ilgpu-resnet.dll"
    python3 tests/reference/checkpoint_matrix.py --count 12 --write tests/IlgpuResNet.Tests/data/checkpoints     the files of the test

Needs torch and numpy. Exit code 0 when all agree, 1 when any does not.
"""

import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile
from collections import Counter, OrderedDict, defaultdict

import numpy
import torch
from torch import nn

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEFAULT_TOOL = f"dotnet {shlex.quote(str(REPOSITORY / 'src/IlgpuResNet.Cli/bin/Release/net10.0/ilgpu-resnet.dll'))}"
TOLERANCE = 1e-5
CLASSES, SIDE = 7, 32
CHANNELS = 2

CONTAINERS = ["zip", "stream", "checkpoint", "module", "script", "safetensors"]
PREFIXES = ["", "module.", "model.", "net.", "module._orig_mod.", "_orig_mod.", "encoder_q.", "backbone.", "backbone.body.", "student.m.",
            "a.b.c.d.", "layer1."]
HEADS = ["fc", "no_bias", "dropout", "linear", "classifier", "two_layers", "norm", "none"]
ARCHITECTURES = ["basic", "bottleneck", "grouped", "wide", "deep_stem", "resnet_d", "average_down", "cifar", "cifar_three_stages",
                 "kuangliu", "group_norm", "squeeze"]


def conv(c, k, side, stride=1, groups=1):
    return nn.Conv2d(c, k, side, stride, side // 2, groups=groups, bias=False)


class Squeeze(nn.Module):
    """Squeeze-and-excitation with timm's names."""

    def __init__(self, c):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(c, 3, 1), nn.Conv2d(3, c, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    def __init__(self, c, planes, stride, bottleneck, groups, width, average, shortcut, stride_first, squeeze):
        super().__init__()
        self.shortcut_name = shortcut
        k = planes * 4 if bottleneck else planes
        inner = planes * width
        if bottleneck:
            first, second = (stride, 1) if stride_first else (1, stride)
            self.conv1, self.bn1 = conv(c, inner, 1, first), nn.BatchNorm2d(inner)
            self.conv2, self.bn2 = conv(inner, inner, 3, second, groups), nn.BatchNorm2d(inner)
            self.conv3, self.bn3 = conv(inner, k, 1), nn.BatchNorm2d(k)
        else:
            self.conv1, self.bn1 = conv(c, k, 3, stride), nn.BatchNorm2d(k)
            self.conv2, self.bn2 = conv(k, k, 3), nn.BatchNorm2d(k)
        self.bottleneck = bottleneck
        self.relu = nn.ReLU()
        self.se = Squeeze(k) if squeeze else nn.Identity()
        layers = []
        if stride > 1 or c != k:
            if average:
                pool = nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else nn.Identity()
                layers = [pool, conv(c, k, 1), nn.BatchNorm2d(k)]
            else:
                layers = [conv(c, k, 1, stride), nn.BatchNorm2d(k)]
        setattr(self, shortcut, nn.Sequential(*layers))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.bottleneck:
            y = self.bn3(self.conv3(self.relu(y)))
        return self.relu(self.se(y) + getattr(self, self.shortcut_name)(x))


class ResNet(nn.Module):
    def __init__(self, architecture, head, stride_first):
        super().__init__()
        bottleneck = architecture in ("bottleneck", "grouped", "wide", "resnet_d", "average_down")
        groups, width = {"grouped": (2, 1), "wide": (1, 2)}.get(architecture, (1, 1))
        average = architecture in ("resnet_d", "average_down")
        small = architecture in ("cifar", "cifar_three_stages", "kuangliu")
        if architecture in ("deep_stem", "resnet_d"):
            self.conv1 = nn.Sequential(conv(3, 2, 3, 2), nn.BatchNorm2d(2), nn.ReLU(), conv(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(),
                                       conv(3, CHANNELS, 3))
        else:
            self.conv1 = conv(3, CHANNELS, 3) if small else conv(3, CHANNELS, 7, 2)
        self.bn1 = nn.BatchNorm2d(CHANNELS)
        self.relu = nn.ReLU()
        if not small:
            self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.small = small
        c = CHANNELS
        self.stages = 3 if architecture == "cifar_three_stages" else 4
        for stage in range(self.stages):
            planes = CHANNELS << stage
            blocks = []
            for block in range(2 if stage == 1 else 1):
                blocks.append(Block(c, planes, 2 if stage > 0 and block == 0 else 1, bottleneck, groups, width, average,
                                    "shortcut" if architecture == "kuangliu" else "downsample", stride_first,
                                    architecture == "squeeze"))
                c = planes * (4 if bottleneck else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.head_name, layers = {
            "fc": ("fc", nn.Linear(c, CLASSES)),
            "no_bias": ("fc", nn.Linear(c, CLASSES, bias=False)),
            "dropout": ("fc", nn.Sequential(nn.Dropout(0.3), nn.Linear(c, CLASSES))),
            "linear": ("linear", nn.Linear(c, CLASSES)),
            "classifier": ("classifier", nn.Linear(c, CLASSES)),
            "two_layers": ("fc", nn.Sequential(nn.Linear(c, 9), nn.ReLU(), nn.Linear(9, CLASSES))),
            "norm": ("head", nn.Sequential(nn.BatchNorm1d(c), nn.Dropout(0.5), nn.Linear(c, CLASSES))),
            "none": ("fc", nn.Identity()),
        }[head]
        setattr(self, self.head_name, layers)

        if architecture == "group_norm":
            for module in list(self.modules()):
                for name, child in list(module.named_children()):
                    if isinstance(child, nn.BatchNorm2d):
                        setattr(module, name, nn.GroupNorm(max(1, CHANNELS // 2), child.num_features))

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        if not self.small:
            x = self.maxpool(x)
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return getattr(self, self.head_name)(self.avgpool(x).flatten(1))


class Holder(nn.Module):
    """A module that holds another, as wrappers do."""

    def __init__(self, name, inner):
        super().__init__()
        self.add_module(name, inner)
        self.inner = name

    def forward(self, x):
        return getattr(self, self.inner)(x)


class Settings:
    def __init__(self):
        self.lr = 0.1


def randomise(model, generator):
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
        elif isinstance(module, nn.GroupNorm):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            fan = module.weight[0].numel()
            module.weight.data.normal_(0, (2 / fan) ** 0.5, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1, generator=generator)


def draw(random, index):
    pick = [random.integers(len(kinds)) for kinds in (CONTAINERS, PREFIXES, HEADS, ARCHITECTURES)]
    # The first draws have every container, prefix, head and architecture at least once.
    return [kinds[index % len(kinds) if index < 12 else chosen]
            for kinds, chosen in zip((CONTAINERS, PREFIXES, HEADS, ARCHITECTURES), pick)]


def save(model, container, prefix, path, example):
    state = OrderedDict((prefix + name, value) for name, value in model.state_dict().items())
    if container == "zip":
        torch.save(state, path)
    elif container == "stream":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    elif container == "checkpoint":
        optimizer = torch.optim.Adam(model.parameters())
        lists = defaultdict(list)
        lists["loss"].append(numpy.float64(0.5))
        torch.save({
            "epoch": 3, "best": numpy.float32(81.5), "paths": pathlib.PurePosixPath("/data"), "args": argparse.Namespace(lr=0.1),
            "model_state_dict": {**state, "criterion.weight": torch.ones(CLASSES)}, "optimizer": optimizer.state_dict(),
            "milestones": Counter([30, 60]), "seen": {1, 2}, "device": torch.device("cpu"), "dtype": torch.float16, "settings": Settings(),
            "raw": b"\x00\xff", "shape": torch.Size([1, 3]), "history": lists, "big": 2 ** 80}, path)
    elif container in ("module", "script"):
        for name in reversed([part for part in prefix.split(".") if part]):
            model = Holder(name, model).eval()
        if container == "module":
            torch.save(model, path)
        else:
            torch.jit.save(torch.jit.trace(model, example), path)
    else:
        header, data, at = {}, [], 0
        for name, value in state.items():
            raw = value.contiguous().numpy().tobytes()
            kind = {torch.float32: "F32", torch.int64: "I64"}[value.dtype]
            header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [at, at + len(raw)]}
            data.append(raw)
            at += len(raw)
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(data))


def make(folder, index, seed):
    container, prefix, head, architecture = draw(numpy.random.default_rng([seed, index]), index)
    generator = torch.Generator().manual_seed(seed * 100_003 + index)
    # A pickled module says where its strides are and what its epsilons are; other files do not.
    model = ResNet(architecture, head, stride_first=container == "module").eval()
    randomise(model, generator)
    if container == "module":
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
                module.eps = 1e-3
    example = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        answer = model.double()(example.double()).float().numpy()
    model.float()
    path = folder / f"{index}.{'safetensors' if container == 'safetensors' else 'pth'}"
    save(model, container, prefix, path, example)
    numpy.save(folder / "x.npy", example.numpy())
    numpy.save(folder / f"{index}.y.npy", answer)
    return path, f"{container}, prefix '{prefix}', head {head}, {architecture}"


def compare(tool, path, what):
    output = path.with_suffix(".out.npy")
    arguments = ["run", str(path), "--input", str(path.with_name("x.npy")), "--output", str(output)]
    run = subprocess.run(shlex.split(tool) + arguments, capture_output=True, text=True)
    if run.returncode:
        return f"{what}: {run.stderr.strip().splitlines()[-1]}"
    want, got = numpy.load(path.with_suffix(".y.npy")).ravel(), numpy.load(output).ravel()
    if want.shape != got.shape:
        return f"{what}: {got.size} values, {want.size} expected"
    error = numpy.linalg.norm(want - got) / numpy.linalg.norm(want)
    return None if error <= TOLERANCE else f"{what}: relative error {error:.1e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--tool", default=DEFAULT_TOOL)
    parser.add_argument("--write", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        lines = {}
        for index in range(arguments.count):
            path, what = make(arguments.write, index, arguments.seed)
            lines[path.name] = what
        (arguments.write / "checkpoints.json").write_text(json.dumps(lines, indent=1) + "\n")
        return 0
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for index in range(arguments.count):
            path, what = make(pathlib.Path(folder), index, arguments.seed)
            fault = compare(arguments.tool, path, what)
            if fault:
                wrong += 1
                print(f"{index}: {fault}", flush=True)
            for file in pathlib.Path(folder).glob(f"{index}.*"):
                file.unlink()
    print(f"{arguments.count - wrong} of {arguments.count} agree with PyTorch {torch.__version__}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
