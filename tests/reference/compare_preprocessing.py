"""Compares the tool's image preparation with Pillow and torchvision on pictures of your own: not one bit may differ.

    python3 tests/reference/compare_preprocessing.py PHOTO...                          on the CPU
    python3 tests/reference/compare_preprocessing.py PHOTO... --device opencl:0 --tool "dotnet out/ilgpu-resnet.dll"

The tool prepares each picture as the IMAGENET1K_V1 preset says (resize 256, crop 224) and as V2 (resize 232). Both sides
turn a picture upright as its EXIF data says. The tool may run elsewhere, on a machine without Python:

    python3 tests/reference/compare_preprocessing.py PHOTO... --write DIR
    sh DIR/run.sh "dotnet out/ilgpu-resnet.dll" opencl:0
    python3 tests/reference/compare_preprocessing.py PHOTO... --compare DIR

Needs torch, torchvision, Pillow and numpy. Exit code 0 when all are equal, 1 when any differs.
"""

import argparse
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image, ImageOps
from torchvision import transforms

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
DEFAULT_TOOL = f"dotnet run --project {shlex.quote(str(REPOSITORY / 'src/IlgpuResNet.Cli'))} -c Release --"
PRESETS = {"imagenet-v1": 256, "imagenet-v2": 232}
CROP, MEAN, STD = 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def expected(path, resize):
    """What torchvision.transforms._presets.ImageClassification does to a Pillow image."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    transform = transforms.Compose([
        transforms.Resize(resize), transforms.CenterCrop(CROP), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return transform(image).unsqueeze(0).numpy()


def write(folder, photos):
    """Copies the pictures and writes run.sh, which prepares them all."""
    lines = ["#!/bin/sh", "# sh run.sh TOOL DEVICE: prepares the pictures of this folder.", "set -e", 'folder=$(cd "$(dirname "$0")" && pwd)']
    for index, photo in enumerate(photos):
        copy = f"{index}{photo.suffix}"
        shutil.copy(photo, folder / copy)
        lines += [f'$1 prepare "$folder/{copy}" --preset {preset} --output "$folder/{index}.{preset}.npy" --device "$2" --weights "$folder/weights.pth"'
                  for preset in PRESETS]
    torch.manual_seed(0)
    from torchvision.models import resnet18
    torch.save(resnet18(weights=None).state_dict(), folder / "weights.pth")
    (folder / "run.sh").write_text("\n".join(lines) + "\n")


def compare(folder, photos):
    """Number of pictures that differ."""
    different = 0
    for index, photo in enumerate(photos):
        counts = []
        for preset, resize in PRESETS.items():
            ours, theirs = numpy.load(folder / f"{index}.{preset}.npy"), expected(photo, resize)
            counts.append(int((ours.view(numpy.uint32) != theirs.view(numpy.uint32)).sum()) if ours.shape == theirs.shape else -1)
        different += any(counts)
        print(f"{photo.name:40} {'x'.join(map(str, Image.open(photo).size)):>12}  differing values: {counts[0]} (V1), {counts[1]} (V2)")
    print(f"{len(photos) - different} of {len(photos)} pictures equal bit for bit")
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", nargs="+", type=pathlib.Path)
    parser.add_argument("--tool", default=DEFAULT_TOOL)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--compare", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    if arguments.compare:
        return compare(arguments.compare, arguments.photos) > 0
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        return write(arguments.write, arguments.photos)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder, arguments.photos)
        subprocess.run(["sh", folder / "run.sh", arguments.tool, arguments.device], check=True)
        return compare(folder, arguments.photos) > 0


if __name__ == "__main__":
    sys.exit(main())
