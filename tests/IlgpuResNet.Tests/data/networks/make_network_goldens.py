"""Thin ResNets with known answers: weights as safetensors, logits computed by PyTorch in double.

Writes beside itself one NAME.safetensors per network and one networks.json that lists them all.
Needs torch and torchvision (made with 1.13 and 0.14); run it as

    python3 make_network_goldens.py

The networks are torchvision's own `ResNet`, `BasicBlock` and `Bottleneck` with other widths, depths and strides
(`thin_resnet.py`, beside this file), so tensor names and order of operations are torchvision's. ResNet v2, which torchvision
lacks, is written there after the paper and timm.

networks.json is an array; each element has
    name, file      the network and its weight file
    seed            of its weights
    config          block ("basic" or "bottleneck"), depths, num_classes, input_channels, stem_width, base_width,
                    stride_placement ("conv3x3" or "first_conv1x1"), relu_before_add, fixed_pool (null: adaptive),
                    variant ("v1.5", "v1", "v1-relu-before-add" or "v2": the usual name of the last three, null when they have none),
                    and where they are not torchvision's defaults groups, width_per_group, replace_stride_with_dilation
                    and pre_activation
    data_type       of the weights in the file: F32, F16 or BF16; the logits are those of the rounded weights
    input           shape [N, C, H, W] and the seed of its values
    logits          N arrays of num_classes, in double
    float32_error   relative L2 distance of PyTorch's own float32 logits from them, as a measure of the network

Values of an input, in NCHW order: the n-th (from 1) is made by splitmix64 (Steele et al. 2014) with 64-bit wrap-around
    z = seed + n * 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    x = z ^ (z >> 31)
    value = (x >> 40) / 2^23 - 1        in [-1, 1), exact in float32
"""

import json
import pathlib
import struct

import numpy
import torch

from thin_resnet import ThinResNet, ThinResNetV2, timm_names

FOLDER = pathlib.Path(__file__).parent
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}

V15 = {"stride_placement": "conv3x3", "relu_before_add": False, "fixed_pool": None}
V1 = {**V15, "stride_placement": "first_conv1x1"}
V1_RELU_BEFORE_ADD = {**V1, "relu_before_add": True, "fixed_pool": 7}
V2 = {**V15, "pre_activation": True}
FAMILY = ("groups", "width_per_group", "replace_stride_with_dilation")  # options that are part of the configuration


def network(name, block, depths, shape, stem=8, base=4, classes=10, variant=V15, data_type="F32", **options):
    """One line of the list below. `shape` is the input's [N, C, H, W]."""
    return {"name": name, "block": block, "depths": depths, "shape": shape, "stem": stem, "base": base,
            "classes": classes, "variant": variant, "data_type": data_type, "options": options}


NETWORKS = [
    # The presets' own depths, as thin as the file size asks.
    network("resnet18", "basic", [2, 2, 2, 2], [2, 3, 32, 32], stem=3, base=2),
    network("resnet34", "basic", [3, 4, 6, 3], [1, 3, 33, 47], stem=2, base=2, classes=7),
    network("resnet50", "bottleneck", [3, 4, 6, 3], [3, 3, 75, 61], stem=4, base=2),
    network("resnet101", "bottleneck", [3, 4, 23, 3], [1, 3, 40, 32], stem=3, base=1, last_gamma=0.3, counters=False),
    network("resnet152", "bottleneck", [3, 8, 36, 3], [1, 3, 32, 45], stem=4, base=1, classes=7, last_gamma=0.3, counters=False),
    network("resnet50-v1", "bottleneck", [3, 4, 6, 3], [2, 3, 49, 35], stem=4, base=1, classes=7, variant=V1),
    network("resnet50-note", "bottleneck", [3, 4, 6, 3], [1, 3, 224, 224], stem=4, base=1, variant=V1_RELU_BEFORE_ADD),
    # v1-relu-before-add, the variant of a PyTorch note: with and without a bias on the downsample convolution; the 7x7 pool on larger maps.
    network("note-downsample-bias", "bottleneck", [1, 1, 1, 1], [1, 3, 224, 224], base=2, variant=V1_RELU_BEFORE_ADD, downsample_bias=True),
    network("note-two-stages", "bottleneck", [2, 1], [2, 3, 56, 56], stem=8, base=4, classes=7, variant=V1_RELU_BEFORE_ADD),
    network("note-two-stages-bias", "bottleneck", [1, 2], [3, 3, 56, 51], stem=6, base=5, variant=V1_RELU_BEFORE_ADD, downsample_bias=True),
    network("note-pool-leaves-edge", "bottleneck", [1, 1], [1, 3, 60, 66], stem=8, base=4, variant=V1_RELU_BEFORE_ADD),
    network("basic-relu-before-add", "basic", [2, 1], [2, 3, 37, 41], variant={**V15, "relu_before_add": True}),
    # Shapes: gray input, 1001 classes, one class, from one to five stages, the smallest input.
    network("gray-basic", "basic", [1, 1, 1, 1], [2, 1, 35, 33], stem=4, base=3, classes=7),
    network("gray-bottleneck-v1", "bottleneck", [1, 2], [1, 1, 61, 43], stem=12, base=3, variant=V1),
    network("classes-1001", "bottleneck", [1, 1], [1, 3, 45, 52], stem=8, base=1, classes=1001),
    network("classes-1", "basic", [1], [3, 3, 32, 32], stem=3, base=5, classes=1),
    network("stages-1", "bottleneck", [3], [1, 3, 39, 32], stem=7, base=3),
    network("stages-3", "bottleneck", [1, 2, 1], [2, 3, 57, 32], stem=8, base=3),
    network("stages-5", "bottleneck", [1, 1, 1, 1, 1], [1, 3, 75, 61], stem=4, base=1),
    # Widths that fill a kernel's tile; the stem as wide as stage 1, so that its first block has no downsample.
    network("wide-bottleneck", "bottleneck", [2, 1], [2, 3, 51, 45], stem=32, base=8),
    network("wide-bottleneck-v1", "bottleneck", [1, 1], [1, 3, 47, 63], stem=16, base=8, variant=V1),
    # Values: half precision weights, a bias on every convolution, gammas of either sign and zero, no counters in the file.
    network("half-basic", "basic", [1, 1], [2, 3, 43, 38], stem=64, base=16, data_type="F16"),
    network("bfloat16-bottleneck", "bottleneck", [1, 1, 1], [1, 3, 64, 48], stem=16, base=4, data_type="BF16"),
    network("all-biases", "bottleneck", [1, 2], [2, 3, 34, 53], all_biases=True),
    network("signed-gammas", "bottleneck", [2, 2], [2, 3, 50, 36], signed_gammas=True),
    network("no-counters", "basic", [1, 1], [1, 3, 32, 36], stem=6, base=6, counters=False),
    # ResNeXt, from one channel in a group upwards: 4 groups of 1, 2, 4, 8; 32 groups of 1, 2, 4; 3 groups of 3, 6; the other stride.
    network("resnext50", "bottleneck", [3, 4, 6, 3], [2, 3, 49, 61], stem=4, base=2, groups=4, width_per_group=32, counters=False),
    network("resnext-32-groups", "bottleneck", [2, 1, 1], [2, 3, 53, 40], stem=8, base=2, groups=32, width_per_group=32),
    network("resnext-3-groups", "bottleneck", [1, 2], [3, 3, 39, 57], stem=5, base=5, groups=3, width_per_group=40),
    network("resnext-v1", "bottleneck", [1, 2], [1, 3, 62, 45], stem=8, base=4, variant=V1, groups=4, width_per_group=32, all_biases=True),
    network("resnext-half", "bottleneck", [1, 1], [1, 3, 40, 40], stem=8, base=4, groups=8, width_per_group=64, data_type="F16"),
    # Wide: twice the inner width, and one and a half times.
    network("wide_resnet50", "bottleneck", [3, 4, 6, 3], [1, 3, 64, 49], stem=4, base=1, classes=7, width_per_group=128, counters=False),
    network("wide-half", "bottleneck", [2, 1], [2, 3, 47, 38], stem=6, base=6, width_per_group=96),
    # Dilation in place of stride: the last stage, the last two, the middle one (stride 2 under dilation 2), all; in ResNeXt and v1.
    network("dilated-last", "bottleneck", [1, 2, 1, 2], [2, 3, 65, 71], stem=4, base=2, replace_stride_with_dilation=[False, False, True], counters=False),
    network("dilated-last-two", "bottleneck", [1, 1, 2, 3], [1, 3, 97, 64], stem=4, base=2, replace_stride_with_dilation=[False, True, True], counters=False),
    network("dilated-middle", "bottleneck", [1, 1, 2, 2], [1, 3, 70, 90], stem=4, base=2, replace_stride_with_dilation=[False, True, False], counters=False),
    network("dilated-all", "bottleneck", [1, 2, 2, 2], [1, 3, 58, 66], stem=4, base=1, replace_stride_with_dilation=[True, True, True], counters=False),
    network("dilated-resnext", "bottleneck", [1, 2, 2], [2, 3, 63, 50], stem=4, base=4, groups=4, width_per_group=32, replace_stride_with_dilation=[True, True], counters=False),
    network("dilated-v1", "bottleneck", [1, 2, 2], [1, 3, 60, 55], stem=4, base=2, variant=V1, replace_stride_with_dilation=[False, True]),
    # v2: with a downsample in the first block and without, timm's names, groups, dilation.
    network("resnet18-v2", "basic", [2, 2, 2, 2], [2, 3, 45, 37], stem=2, base=2, variant=V2, counters=False),
    network("resnet50-v2", "bottleneck", [3, 4, 6, 3], [3, 3, 61, 47], stem=4, base=2, variant=V2, counters=False),
    network("basic-v2-downsample", "basic", [2, 1], [1, 1, 51, 34], stem=6, base=4, classes=7, variant=V2),
    network("bottleneck-v2-biases", "bottleneck", [2, 2], [2, 3, 40, 59], stem=16, base=4, variant=V2, all_biases=True),
    network("v2-timm", "bottleneck", [1, 2, 1], [2, 3, 67, 48], stem=8, base=4, variant=V2, timm=True),
    network("v2-timm-basic", "basic", [1, 1], [1, 3, 44, 52], stem=8, base=8, variant=V2, timm=True, data_type="BF16"),
    network("v2-signed-gammas", "bottleneck", [2, 2], [1, 3, 50, 36], variant=V2, signed_gammas=True),
    network("v2-groups-dilated", "bottleneck", [1, 2, 2], [1, 3, 56, 63], stem=4, base=4, variant=V2, groups=4, width_per_group=32, replace_stride_with_dilation=[False, True], counters=False),
]


def splitmix64(seed, count):
    """Floats as the docstring says, float32."""
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        x = z ^ (z >> numpy.uint64(31))
    return ((x >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1).astype(numpy.float32)


def randomise(model, seed, last_gamma=1, signed_gammas=False):
    """
    Random weights; batch norm as after training: means around 0, variances around 1, gammas in [0.5, 1.5].
    A last_gamma below 1 damps each block's last batch norm, so that deep networks do not grow without bound.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(shape, std):
        return torch.randn(shape, generator=generator) * std

    def uniform(shape, low, high):
        return torch.rand(shape, generator=generator) * (high - low) + low

    modules = dict(model.named_modules())
    last_batch_norm = "bn3" if "layer1.0.bn3" in modules else "bn2"
    for name, module in modules.items():
        if isinstance(module, torch.nn.Conv2d):
            fan_in = module.weight[0].numel()
            module.weight.data = normal(module.weight.shape, (2 / fan_in) ** 0.5)
        elif isinstance(module, torch.nn.Linear):
            module.weight.data = normal(module.weight.shape, module.in_features ** -0.5)
        elif isinstance(module, torch.nn.BatchNorm2d):
            gamma = uniform(module.weight.shape, 0.5, 1.5)
            if name.endswith(last_batch_norm):
                gamma *= last_gamma
            if signed_gammas:
                gamma *= torch.arange(gamma.numel()) % 3 - 1
            module.weight.data = gamma
            module.running_mean = normal(gamma.shape, 0.2)
            module.running_var = uniform(gamma.shape, 0.5, 2)
            module.num_batches_tracked.fill_(1000)
        if getattr(module, "bias", None) is not None:
            module.bias.data = normal(module.bias.shape, 0.2)


def save_safetensors(path, tensors, metadata):
    """u64 little-endian header length, JSON header padded with spaces to a multiple of 8, data."""
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor.contiguous()
        raw = raw.numpy().tobytes()
        header[name] = {"dtype": DTYPE_NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def variant_name(settings):
    return next((name for name, known in {"v1.5": V15, "v1": V1, "v1-relu-before-add": V1_RELU_BEFORE_ADD, "v2": V2}.items() if known == settings), None)


def make(entry, seed):
    """Writes one network's weights; returns its element of networks.json."""
    options = dict(entry["options"])
    last_gamma, signed_gammas = options.pop("last_gamma", 1), options.pop("signed_gammas", False)
    counters, timm = options.pop("counters", True), options.pop("timm", False)
    family = {name: options[name] for name in FAMILY if name in options}
    shape = entry["shape"]
    sizes = entry["block"], entry["depths"], entry["classes"], shape[1], entry["stem"], entry["base"]
    if entry["variant"] is V2:
        model = ThinResNetV2(*sizes, **options).eval()
    else:
        model = ThinResNet(*sizes, **entry["variant"], **options).eval()
    randomise(model, seed, last_gamma, signed_gammas)
    stored = {name: tensor.to(DTYPES[entry["data_type"]]) if tensor.is_floating_point() else tensor
              for name, tensor in model.state_dict().items()
              if counters or not name.endswith("num_batches_tracked")}
    model.load_state_dict(stored, strict=counters)

    config = {"block": entry["block"], "depths": entry["depths"], "num_classes": entry["classes"], "input_channels": shape[1],
              "stem_width": entry["stem"], "base_width": entry["base"], **entry["variant"], "variant": variant_name(entry["variant"]), **family}
    file = entry["name"] + ".safetensors"
    metadata = {"format": "pt", **{key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}}
    save_safetensors(FOLDER / file, timm_names(stored) if timm else stored, metadata)

    input_seed = seed + 1000
    image = torch.from_numpy(splitmix64(input_seed, int(numpy.prod(shape)))).reshape(shape)
    with torch.no_grad():
        logits32 = model(image).double()
        logits = model.double()(image.double())
    error = float((logits32 - logits).norm() / logits.norm())
    print(f"{entry['name']:24} {sum(t.numel() for t in stored.values()):7} values  {(FOLDER / file).stat().st_size:7} bytes  "
          f"logits std {float(logits.std(unbiased=False)):9.3g}  float32 error {error:.1e}")
    return {"name": entry["name"], "file": file, "seed": seed, "config": config, "data_type": entry["data_type"],
            "input": {"shape": shape, "seed": input_seed}, "logits": logits.tolist(), "float32_error": error}


def main():
    torch.set_num_threads(1)
    results = [make(entry, seed) for seed, entry in enumerate(NETWORKS, start=1)]
    lines = ",\n".join(json.dumps(result) for result in results)
    (FOLDER / "networks.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
