"""Compares the command line tool with PyTorch on full-size ResNets.

Each network has seeded random weights and batch-norm statistics, and is stored as .pth, as people have them, or exported
to ONNX by torch.onnx, with its batch norms folded (as that does by default) or kept. PyTorch computes the logits of one
3x224x224 input in double. The tool passes when its float32 logits differ from them by a relative L2 error of at most 1e-5
and its five best classes are the same in the same order.

    python3 tests/reference/compare_full_size.py                                  all models on the CPU
    python3 tests/reference/compare_full_size.py --device cpu --device opencl:0 --models resnet18 resnet50
    python3 tests/reference/compare_full_size.py --tool "dotnet out/ilgpu-resnet.dll"
    python3 tests/reference/compare_full_size.py --format onnx                    exports of torch.onnx instead of .pth
    python3 tests/reference/compare_full_size.py --format onnx-norms              exports that keep batch norms

The tool may run elsewhere, on a machine without Python: write the files, run DIR/run.sh there, compare here.

    python3 tests/reference/compare_full_size.py --write DIR                      about 3 GB for all models
    sh DIR/run.sh "dotnet out/ilgpu-resnet.dll" opencl:0
    python3 tests/reference/compare_full_size.py --compare DIR --device opencl:0

Needs torch, torchvision and numpy. Exit code 0 when all agree, 1 when any does not, 2 for wrong arguments.
"""

import argparse
import pathlib
import shlex
import subprocess
import sys
import tempfile
import zlib

import numpy
import torch
import torchvision

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/IlgpuResNet.Tests/data/networks"))
from make_network_goldens import V1, V1_RELU_BEFORE_ADD, randomise, splitmix64  # noqa: E402
from thin_resnet import ThinResNet, ThinResNetV2, timm_names  # noqa: E402

TOLERANCE, TOP = 1e-5, 5
ONNX_OPSET = 13
INPUT_SHAPE, INPUT_SEED = (1, 3, 224, 224), 2015
LAST_GAMMA = 0.3  # of each block's last batch norm, which keeps 152 layers of random weights from exploding
DEFAULT_TOOL = f"dotnet run --project {shlex.quote(str(REPOSITORY / 'src/IlgpuResNet.Cli'))} -c Release --"


def torchvision_model(name):
    return lambda: getattr(torchvision.models, name)(weights=None)


def v2_model(block, depths):
    return lambda: ThinResNetV2(block, depths)


# Name: how to make it, the tool's --variant, whether the file has torch's zip form (else the older stream of pickles).
# The files of v2 networks have timm's tensor names, as those that people have.
MODELS = {
    "resnet18": (torchvision_model("resnet18"), "v1.5", True),
    "resnet34": (torchvision_model("resnet34"), "v1.5", False),
    "resnet50": (torchvision_model("resnet50"), "v1.5", True),
    "resnet101": (torchvision_model("resnet101"), "v1.5", False),
    "resnet152": (torchvision_model("resnet152"), "v1.5", True),
    "resnet50-v1": (lambda: ThinResNet("bottleneck", [3, 4, 6, 3], **V1), "v1", False),
    "resnet50-v1-relu-before-add": (
        lambda: ThinResNet("bottleneck", [3, 4, 6, 3], **V1_RELU_BEFORE_ADD, downsample_bias=True), "v1-relu-before-add", True),
    "resnext50_32x4d": (torchvision_model("resnext50_32x4d"), "v1.5", True),
    "resnext101_32x8d": (torchvision_model("resnext101_32x8d"), "v1.5", True),
    "resnext101_64x4d": (torchvision_model("resnext101_64x4d"), "v1.5", False),
    "wide_resnet50_2": (torchvision_model("wide_resnet50_2"), "v1.5", True),
    "wide_resnet101_2": (torchvision_model("wide_resnet101_2"), "v1.5", True),
    "resnet18-v2": (v2_model("basic", [2, 2, 2, 2]), "v2", False),
    "resnet50-v2": (v2_model("bottleneck", [3, 4, 6, 3]), "v2", True),
    "resnet101-v2": (v2_model("bottleneck", [3, 4, 23, 3]), "v2", True),
    "resnet152-v2": (v2_model("bottleneck", [3, 8, 36, 3]), "v2", True),
}

RUN_SCRIPT = """#!/bin/sh
# Runs the tool on every network in this folder: sh run.sh "TOOL" DEVICE. Writes NAME.DEVICE.npy here.
set -e
folder=$(cd "$(dirname "$0")" && pwd)
tool=${{1:?the command that starts the tool}}
device=${{2:-cpu}}
run() {{
    echo "$1 on $device"
    $tool run --weights "$folder/$1{extension}" {variant}--input "$folder/input.npy" \\
        --output "$folder/$1.$(echo "$device" | tr : -).npy" --device "$device"
}}
{runs}
"""


def write(folder, name, file_format):
    """Writes NAME.pth or NAME.onnx, and NAME.expected.npy, and input.npy when it is not there."""
    make, _, zip_form = MODELS[name]
    model = make().eval()
    randomise(model, zlib.crc32(name.encode()), last_gamma=LAST_GAMMA)
    image = splitmix64(INPUT_SEED, int(numpy.prod(INPUT_SHAPE))).reshape(INPUT_SHAPE)
    if file_format == "pth":
        tensors = timm_names(model.state_dict()) if MODELS[name][1] == "v2" else model.state_dict()
        torch.save(tensors, folder / f"{name}.pth", _use_new_zipfile_serialization=zip_form)
    else:
        kept = file_format == "onnx-norms"
        torch.onnx.export(
            model, torch.from_numpy(image), str(folder / f"{name}.onnx"), opset_version=ONNX_OPSET,
            input_names=["input"], output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
            training=torch.onnx.TrainingMode.PRESERVE if kept else torch.onnx.TrainingMode.EVAL, do_constant_folding=not kept)
    if not (folder / "input.npy").exists():
        numpy.save(folder / "input.npy", image)
    with torch.no_grad():
        single = model(torch.from_numpy(image)).double()
        expected = model.double()(torch.from_numpy(image).double())
    numpy.save(folder / f"{name}.expected.npy", expected.numpy())
    numpy.save(folder / f"{name}.float32.npy", single.numpy())


def output_file(folder, name, device):
    return folder / f"{name}.{device.replace(':', '-')}.npy"


def extension(file_format):
    return ".pth" if file_format == "pth" else ".onnx"


def run_tool(tool, folder, name, device, file_format):
    """Runs the tool; returns None, or what went wrong."""
    output = output_file(folder, name, device)
    # An ONNX file says itself how its blocks are computed.
    variant = ["--variant", MODELS[name][1]] if file_format == "pth" else []
    command = [*shlex.split(tool), "run", "--weights", folder / f"{name}{extension(file_format)}", *variant, "--input", folder / "input.npy",
               "--output", output, "--device", device]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode == 0:
        return None
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    return f"exit code {result.returncode}: {lines[-1].strip() if lines else 'no output'}"


def relative_error(actual, expected):
    return float(numpy.linalg.norm(actual.astype(numpy.float64) - expected) / numpy.linalg.norm(expected))


def compare(folder, name, device):
    """The row of the table after model and device, and whether it passes."""
    output, expected_file = output_file(folder, name, device), folder / f"{name}.expected.npy"
    for file in (output, expected_file):
        if not file.exists():
            return f"{file} is missing", False
    actual, expected = numpy.load(output), numpy.load(expected_file)
    if actual.shape != expected.shape or actual.dtype != numpy.float32:
        return f"{output.name} is {actual.dtype} {list(actual.shape)} instead of float32 {list(expected.shape)}", False
    if not numpy.isfinite(actual).all():
        return f"{output.name} has values that are not finite", False
    error = relative_error(actual, expected)
    torch_error = relative_error(numpy.load(folder / f"{name}.float32.npy"), expected)
    same_top = (numpy.argsort(-actual[0], kind="stable")[:TOP] == numpy.argsort(-expected[0], kind="stable")[:TOP]).all()
    passes = bool(error <= TOLERANCE and same_top)
    return f"{error:14.2e}  {torch_error:15.2e}  {'same' if same_top else 'DIFFERS':8}  {'ok' if passes else 'FAILED'}", passes


def print_row(name, device, row):
    print(f"{name:16} {device:10} {row}", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compares the tool's logits with PyTorch's on full-size ResNets.")
    parser.add_argument("--tool", default=DEFAULT_TOOL, help="command that starts the tool (default: dotnet run)")
    parser.add_argument("--device", action="append", metavar="NAME", help="such as cpu or opencl:0; may be repeated (default: cpu)")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS), metavar="NAME", help=", ".join(MODELS))
    parser.add_argument("--format", default="pth", choices=["pth", "onnx", "onnx-norms"], help="what the tool is given (default: pth)")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--write", type=pathlib.Path, metavar="DIR", help="only write the files and DIR/run.sh")
    only.add_argument("--compare", type=pathlib.Path, metavar="DIR", help="only compare what DIR/run.sh left")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        for name in arguments.models:
            write(arguments.write, name, arguments.format)
            print(f"{arguments.write / name}{extension(arguments.format)}")
        runs = "\n".join(f"run {name} {MODELS[name][1]}" for name in arguments.models)
        (arguments.write / "run.sh").write_text(RUN_SCRIPT.format(
            runs=runs, extension=extension(arguments.format), variant='--variant "$2" ' if arguments.format == "pth" else ""))
        return 0

    all_pass = True
    print_row("model", "device", "relative error  PyTorch float32  top five  verdict")
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.compare or pathlib.Path(temporary)
            if not arguments.compare:
                write(folder, name, arguments.format)
            for device in arguments.device or ["cpu"]:
                problem = None if arguments.compare else run_tool(arguments.tool, folder, name, device, arguments.format)
                row, passes = (problem, False) if problem else compare(folder, name, device)
                all_pass &= passes
                print_row(name, device, row)
    return 0 if all_pass else 1


if __name__ == "__main__":
    sys.exit(main())
