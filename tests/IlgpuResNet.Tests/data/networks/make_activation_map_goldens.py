"""Class activation maps of some of the thin ResNets beside this file, computed by PyTorch in double.

Reads networks.json and the weights that make_network_goldens.py wrote, and writes activation-maps.json beside itself.
Needs torch and torchvision (made with 1.13 and 0.14); run it as

    python3 make_activation_map_goldens.py

activation-maps.json is an array; each element has
    name            of the network in networks.json, of whose input the first image is taken
    shape           [P, Q] of a map
    maps            one flat [P, Q] for each class: map[k](p, q) = sum_c fc.weight[k, c] f[c](p, q) over the map whose mean fc reads
"""

import json
import pathlib
import struct

import numpy
import torch

from make_network_goldens import DTYPES, FAMILY, splitmix64
from thin_resnet import ThinResNet, ThinResNetV2

FOLDER = pathlib.Path(__file__).parent
NAMES = ["resnet50-v1", "resnet50-note", "resnet50-v2", "resnext-3-groups", "wide-half"]


def load_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def load(network):
    config = dict(network["config"])
    sizes = [config.pop(name) for name in ("block", "depths", "num_classes", "input_channels", "stem_width", "base_width")]
    family = {name: config[name] for name in FAMILY if name in config}
    if config.get("pre_activation"):
        model = ThinResNetV2(*sizes, **family)
    else:
        model = ThinResNet(*sizes, **family, **{name: config[name] for name in ("stride_placement", "relu_before_add", "fixed_pool")})
    model.load_state_dict(load_safetensors(FOLDER / network["file"]), strict=False)
    return model.double().eval()


def make(network):
    model = load(network)
    shape = network["input"]["shape"]
    image = torch.from_numpy(splitmix64(network["input"]["seed"], int(numpy.prod(shape)))).reshape(shape)[:1].double()
    seen = []
    if isinstance(model, ThinResNetV2):
        model.bn.register_forward_hook(lambda module, inputs, output: seen.append(torch.relu(output)))
    else:
        model.avgpool.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        logits = model(image)[0]
        maps = torch.einsum("kc,cpq->kpq", model.fc.weight, seen[0][0])
    error = float((maps.mean((1, 2)) + model.fc.bias - logits).abs().max())
    assert error < 1e-12 and numpy.allclose(logits, network["logits"][0], rtol=1e-12), network["name"]
    print(f"{network['name']:20} {list(maps.shape)}  mean + bias off by {error:.1e}")
    return {"name": network["name"], "shape": list(maps.shape[1:]), "maps": maps.flatten(1).tolist()}


def main():
    torch.set_num_threads(1)
    networks = {network["name"]: network for network in json.loads((FOLDER / "networks.json").read_text())}
    lines = ",\n".join(json.dumps(make(networks[name])) for name in NAMES)
    (FOLDER / "activation-maps.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
