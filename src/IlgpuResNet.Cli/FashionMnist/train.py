"""Trains and evaluates the model in the box: a small bottleneck ResNet on Fashion-MNIST.

    python3 train.py train       trains, then exports and evaluates: fashion-resnet.safetensors, train.log, evaluation.json
    python3 train.py evaluate    runs the exported file on the 10,000 test images again: evaluation.json
    python3 train.py images      writes the first test image of each class to images/

Needs torch, torchvision and Pillow (made with Debian 12's: 1.13, 0.14, 9.4) and the four files of Fashion-MNIST
(https://github.com/zalandoresearch/fashion-mnist; Debian's package dataset-fashion-mnist puts them where DATA says).

The network is torchvision's ResNet v1.5 with three stages of two bottleneck blocks, 16 planes in the first stage and a
stem of 32; names in the file are torchvision's. Its preset is torchvision's too: resize to 56 (Pillow, bilinear),
crop to 56, normalise. 55,000 training images train it; the last 5,000 are held out for every choice made. The test
set is used once, on the final weights.

Training is on one channel, since the images are gray, with a third of the work in the stem. The export spreads the
stem's filter over red, green and blue by the weights of luminance (ITU-R BT.601, which Pillow's convert("L") uses).
They sum to one, so a gray image gives the same answer and a colour photo is seen as its luminance.
"""

import argparse
import gzip
import json
import math
import pathlib
import re
import struct
import sys
import time

import numpy
import PIL.Image
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.transforms import functional

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
FOLDER = pathlib.Path(__file__).parent
WEIGHTS, LOG, EVALUATION, IMAGES = (FOLDER / name for name in ("fashion-resnet.safetensors", "train.log", "evaluation.json", "images"))

CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
SIZE, MEAN, STD = 56, 0.286, 0.353
DEPTHS, STEM_WIDTH, BASE_WIDTH = [2, 2, 2], 32, 16
LUMINANCE = [0.299, 0.587, 0.114]

HELD_OUT, BATCH, EVALUATION_BATCH = 5000, 128, 250
PEAK_RATE, WEIGHT_DECAY, LABEL_SMOOTHING = 0.2, 5e-4, 0.05
EPOCHS, CYCLE_EPOCHS, FADE_EPOCHS = 12, 18, 6  # a one-cycle schedule of 18 epochs, cut short: the last 6 of 12 fade to zero
SHIFT = 4
DTYPES = {"F32": torch.float32, "I64": torch.int64}


class SmallResNet(ResNet):
    """torchvision's ResNet with the depths and widths above."""

    def __init__(self, input_channels):
        nn.Module.__init__(self)
        self._norm_layer = nn.BatchNorm2d
        self.inplanes = STEM_WIDTH
        self.dilation, self.groups, self.base_width = 1, 1, 64  # 64 means "a block's width is its planes"
        self.conv1 = nn.Conv2d(input_channels, STEM_WIDTH, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_WIDTH)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for stage, depth in enumerate(DEPTHS):
            layer = self._make_layer(Bottleneck, BASE_WIDTH << stage, depth, stride=1 if stage == 0 else 2)
            setattr(self, f"layer{stage + 1}", layer)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(self.inplanes, len(CLASSES))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(len(DEPTHS)):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def log(line):
    print(line, flush=True)
    with LOG.open("a") as file:
        file.write(line + "\n")


def load(name):
    """Images [N, 28, 28] and labels [N], uint8; the IDX header is 16 and 8 bytes."""
    images = gzip.decompress((DATA / f"{name}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((DATA / f"{name}-labels-idx1-ubyte.gz").read_bytes())
    return numpy.frombuffer(images, numpy.uint8, offset=16).reshape(-1, 28, 28), numpy.frombuffer(labels, numpy.uint8, offset=8)


def resize(images):
    """The preset's resize and crop, still gray uint8: [N, SIZE, SIZE]. Pillow treats each channel alike."""
    pictures = (functional.resize(PIL.Image.fromarray(image), SIZE) for image in images)
    return numpy.stack([numpy.asarray(functional.center_crop(picture, SIZE)) for picture in pictures])


def normalise(gray):
    """[N, H, W] uint8 to [N, 1, H, W], as torchvision's to_tensor and normalize do."""
    tensor = torch.from_numpy(numpy.ascontiguousarray(gray)).unsqueeze(1).to(torch.float32).div(255)
    return functional.normalize(tensor, [MEAN], [STD])


def augment(gray, random):
    """Each image shifted by up to SHIFT pixels, the edge filled with black, and mirrored half of the time."""
    size = gray.shape[-1]
    padded = numpy.pad(gray, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    result = numpy.empty_like(gray)
    for index, (y, x) in enumerate(random.integers(0, 2 * SHIFT + 1, (len(gray), 2))):
        picture = padded[index, y:y + size, x:x + size]
        result[index] = picture[:, ::-1] if random.random() < 0.5 else picture
    return result


def logits_of(model, inputs):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch) for batch in inputs.split(EVALUATION_BATCH)])


def train(checkpoint):
    torch.manual_seed(0)
    images, labels = load("train")
    images, labels = resize(images), torch.from_numpy(labels.astype(numpy.int64))
    held_out_inputs, held_out_labels = normalise(images[-HELD_OUT:]), labels[-HELD_OUT:]
    images, labels = images[:-HELD_OUT], labels[:-HELD_OUT]
    steps = len(images) // BATCH

    model = SmallResNet(1).to(memory_format=torch.channels_last)
    loss_of = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)
    optimizer = torch.optim.SGD(model.parameters(), PEAK_RATE, momentum=0.9, weight_decay=WEIGHT_DECAY, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, CYCLE_EPOCHS * steps, pct_start=0.2)
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        first = saved["epoch"]
        for part, state in zip((model, optimizer, schedule), saved["states"]):
            part.load_state_dict(state)
        log(f"resumed after epoch {first} of {EPOCHS}")
    else:
        LOG.write_text("")
        log(f"torch {torch.__version__}, {torch.get_num_threads()} threads; input {SIZE}x{SIZE}, depths {DEPTHS}, stem {STEM_WIDTH}, "
            f"base {BASE_WIDTH}; batch {BATCH}, {EPOCHS} epochs of {steps} steps, SGD one-cycle to {PEAK_RATE}")

    for epoch in range(first, EPOCHS):
        start, total, right = time.time(), 0.0, 0
        random = numpy.random.default_rng(epoch)
        order = random.permutation(len(images))
        model.train()
        for step in range(steps):
            chosen = order[step * BATCH:(step + 1) * BATCH]
            inputs = normalise(augment(images[chosen], random)).to(memory_format=torch.channels_last)
            targets = labels[chosen]
            logits = model(inputs)
            loss = loss_of(logits, targets)
            if not math.isfinite(loss.item()):
                sys.exit(f"The loss is {loss.item()} in epoch {epoch + 1}.")
            fade = min(1, (EPOCHS - epoch - step / steps) / FADE_EPOCHS)
            for group in optimizer.param_groups:
                group["lr"] = schedule.get_last_lr()[0] * fade
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate = optimizer.param_groups[0]["lr"]
            schedule.step()
            total += loss.item()
            right += (logits.argmax(1) == targets).sum().item()
        accuracy = (logits_of(model, held_out_inputs).argmax(1) == held_out_labels).double().mean().item()
        log(f"epoch {epoch + 1:2}  loss {total / steps:.4f}  train {right / (steps * BATCH):.4f}  held-out {accuracy:.4f}  "
            f"rate {rate:.5f}  {time.time() - start:.0f} s")
        torch.save({"epoch": epoch + 1, "states": [part.state_dict() for part in (model, optimizer, schedule)]}, checkpoint)

    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    tensors["conv1.weight"] = tensors["conv1.weight"] * torch.tensor(LUMINANCE).reshape(1, 3, 1, 1)
    metadata = {
        "format": "pt",
        "architecture": "resnet",
        "variant": "v1.5",
        "classes": json.dumps(CLASSES),
        "preset": json.dumps({"resize_size": SIZE, "crop_size": SIZE, "interpolation": "bilinear", "mean": [MEAN] * 3, "std": [STD] * 3}),
        "dataset": "Fashion-MNIST (https://github.com/zalandoresearch/fashion-mnist), 55,000 of its 60,000 training images",
        "license": "MIT",
    }
    save_safetensors(tensors, metadata)
    right = evaluate()
    save_safetensors(tensors, {**metadata, "accuracy": f"{right / 10000:.4f}"})


def evaluate():
    """Logits of the exported file on the test set, in float32 and in double; returns the number right in float32."""
    images, labels = load("t10k")
    model = SmallResNet(3)
    model.load_state_dict(load_safetensors())
    gray = normalise(resize(images))
    inputs = gray.expand(-1, 3, -1, -1).contiguous()
    single = logits_of(model, inputs)
    double = logits_of(model.double(), inputs.double())
    predicted, expected = single.argmax(1).numpy(), double.argmax(1).numpy()
    top = double.topk(2).values
    result = {
        "images": len(labels),
        "right_float32": int((predicted == labels).sum()),
        "right_float64": int((expected == labels).sum()),
        "predictions_differ": int((predicted != expected).sum()),
        "smallest_margin": float((top[:, 0] - top[:, 1]).min()),
        "float32_error": float((single.double() - double).norm() / double.norm()),
        "predictions": "".join(map(str, expected)),
    }
    EVALUATION.write_text(json.dumps(result, indent=1) + "\n")
    log(f"test images: {result['right_float32']} of {len(labels)} right in float32, {result['right_float64']} in double; "
        f"{result['predictions_differ']} predictions differ; smallest margin of the best logit {result['smallest_margin']:.2e}; "
        f"float32 logits off by {result['float32_error']:.1e} (relative L2)")
    return result["right_float32"]


def save_safetensors(tensors, metadata):
    """u64 little-endian header length, JSON header padded with spaces to a multiple of 8, data."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = tensor.numpy().tobytes()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    WEIGHTS.write_bytes(struct.pack("<Q", len(text)) + text + data)


def load_safetensors():
    raw = WEIGHTS.read_bytes()
    start = 8 + struct.unpack_from("<Q", raw)[0]
    header = json.loads(raw[8:start])
    header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(raw[begin:end]), dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def write_images():
    """The first test image of each class, as 28x28 gray PNG: no choice is made."""
    images, labels = load("t10k")
    IMAGES.mkdir(exist_ok=True)
    for label, name in enumerate(CLASSES):
        first = int(numpy.argmax(labels == label))
        slug = re.sub("[^a-z]+", "-", name.lower())
        PIL.Image.fromarray(images[first]).save(IMAGES / f"{label}-{slug}.png", optimize=True)
        print(f"{label}-{slug}.png: test image {first}")


def main():
    parser = argparse.ArgumentParser(description="Trains and evaluates the Fashion-MNIST model.")
    parser.add_argument("command", choices=["train", "evaluate", "images"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--checkpoint", type=pathlib.Path, default=pathlib.Path("fashion-resnet.checkpoint.pth"),
                        help="written after each epoch; training goes on from it when it exists")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.command == "train":
        train(arguments.checkpoint)
    elif arguments.command == "evaluate":
        evaluate()
    else:
        write_images()


if __name__ == "__main__":
    main()
