"""Prints what torchvision says of the weights that it publishes for ResNets, for tests/IlgpuResNet.Tests/data/torchvision-weights.csv.

    python3 tests/reference/torchvision_weights.py > tests/IlgpuResNet.Tests/data/torchvision-weights.csv

Needs torchvision 0.14 or newer; made with 0.14.1.
"""

import inspect

from torchvision.models import resnet
from torchvision.models._api import WeightsEnum

print("enum,tag,default,url,classes,parameters,top1,top5,resize,crop,interpolation")
for name, kind in vars(resnet).items():
    if not (inspect.isclass(kind) and issubclass(kind, WeightsEnum) and kind is not WeightsEnum):
        continue
    for weights in kind:
        meta, metrics, preset = weights.meta, weights.meta["_metrics"]["ImageNet-1K"], weights.transforms()
        print(
            name, weights.name, int(weights is kind.DEFAULT), weights.url, len(meta["categories"]), meta["num_params"],
            metrics["acc@1"], metrics["acc@5"], *preset.resize_size, *preset.crop_size, preset.interpolation.value, sep=",")
