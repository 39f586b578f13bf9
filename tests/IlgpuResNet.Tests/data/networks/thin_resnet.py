"""torchvision's ResNet with free widths, depths and number of stages, the variants of its block, and ResNet v2."""

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet


class ReluBeforeAddBasicBlock(BasicBlock):
    """BasicBlock with one more ReLU, on the branch before the residual add."""

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class ReluBeforeAddBottleneck(Bottleneck):
    """Bottleneck with one more ReLU, on the branch before the residual add; the shortcut has none."""

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.relu(self.bn3(self.conv3(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


BLOCKS = {
    ("basic", False): BasicBlock,
    ("basic", True): ReluBeforeAddBasicBlock,
    ("bottleneck", False): Bottleneck,
    ("bottleneck", True): ReluBeforeAddBottleneck,
}


class ThinResNet(ResNet):
    """Stage s (from 0) has planes base_width << s; all else is torchvision's ResNet."""

    def __init__(self, block, depths, num_classes=1000, input_channels=3, stem_width=64, base_width=64,
                 stride_placement="conv3x3", relu_before_add=False, fixed_pool=None, downsample_bias=False, all_biases=False,
                 groups=1, width_per_group=64, replace_stride_with_dilation=()):
        nn.Module.__init__(self)
        self._norm_layer = nn.BatchNorm2d
        self.inplanes = stem_width
        self.dilation, self.groups, self.base_width = 1, groups, width_per_group  # 64 means "a block's width is its planes"
        self.conv1 = nn.Conv2d(input_channels, stem_width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = []
        kind = BLOCKS[block, relu_before_add]
        for stage, depth in enumerate(depths):
            name = f"layer{stage + 1}"
            dilate = stage > 0 and bool(replace_stride_with_dilation) and replace_stride_with_dilation[stage - 1]
            setattr(self, name, self._make_layer(kind, base_width << stage, depth, stride=1 if stage == 0 else 2, dilate=dilate))
            self.stages.append(name)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1)) if fixed_pool is None else nn.AvgPool2d(fixed_pool)
        self.fc = nn.Linear(self.inplanes, num_classes)

        if block == "bottleneck" and stride_placement == "first_conv1x1":
            for module in self.modules():
                if isinstance(module, Bottleneck):
                    module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d) and (all_biases or (downsample_bias and "downsample" in name)):
                module.bias = nn.Parameter(torch.zeros(module.out_channels))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))


class PreActivationBlock(nn.Module):
    """
    Batch norm and ReLU before each convolution, nothing after the sum (He et al. 2016, arXiv:1603.05027, figure 4e).
    `filters` is a list of (output channels, kernel, stride, dilation, groups).
    """

    def __init__(self, channels, filters, shortcut_stride, bias):
        super().__init__()
        self.count, inplanes = len(filters), channels
        for i, (outputs, kernel, stride, dilation, groups) in enumerate(filters, start=1):
            setattr(self, f"bn{i}", nn.BatchNorm2d(inplanes))
            setattr(self, f"conv{i}", nn.Conv2d(inplanes, outputs, kernel, stride, padding=dilation * (kernel // 2),
                                                dilation=dilation, groups=groups, bias=bias))
            inplanes = outputs
        self.downsample = None
        if shortcut_stride != 1 or channels != inplanes:
            self.downsample = nn.Sequential(nn.Conv2d(channels, inplanes, 1, stride=shortcut_stride, bias=bias))

    def forward(self, x):
        first = out = torch.relu(self.bn1(x))
        for i in range(1, self.count + 1):
            if i > 1:
                out = torch.relu(getattr(self, f"bn{i}")(out))
            out = getattr(self, f"conv{i}")(out)
        return out + (x if self.downsample is None else self.downsample(first))


class ThinResNetV2(nn.Module):
    """
    ResNet v2 with the stride on the 3x3, as timm's `resnetv2_50` computes it, with the arguments of ThinResNet and torchvision's
    rules for the width of groups and for dilation.
    """

    def __init__(self, block, depths, num_classes=1000, input_channels=3, stem_width=64, base_width=64,
                 all_biases=False, groups=1, width_per_group=64, replace_stride_with_dilation=()):
        super().__init__()
        self.conv1 = nn.Conv2d(input_channels, stem_width, 7, stride=2, padding=3, bias=all_biases)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels, dilation, self.stages = stem_width, 1, []
        for stage, depth in enumerate(depths):
            planes, stride, first_dilation = base_width << stage, 1 if stage == 0 else 2, dilation
            if stage > 0 and replace_stride_with_dilation and replace_stride_with_dilation[stage - 1]:
                dilation, stride = dilation * stride, 1
            width = int(planes * (width_per_group / 64.0)) * groups
            blocks = []
            for i in range(depth):
                block_stride, block_dilation = (stride, first_dilation) if i == 0 else (1, dilation)
                if block == "bottleneck":
                    filters = [(width, 1, 1, 1, 1), (width, 3, block_stride, block_dilation, groups), (4 * planes, 1, 1, 1, 1)]
                else:
                    filters = [(planes, 3, block_stride, 1, 1), (planes, 3, 1, 1, 1)]
                blocks.append(PreActivationBlock(channels, filters, block_stride, all_biases))
                channels = filters[-1][0]
            name = f"layer{stage + 1}"
            setattr(self, name, nn.Sequential(*blocks))
            self.stages.append(name)
        self.bn = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = self.maxpool(self.conv1(x))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(torch.relu(self.bn(x)).mean((2, 3)))


def timm_names(state_dict):
    """The tensors of a ThinResNetV2 as timm's `ResNetV2` names them; its classifier is a 1x1 convolution."""
    names = {}
    for name, tensor in state_dict.items():
        parts = name.split(".")
        if parts[0].startswith("layer"):
            inner = ["downsample.conv"] if parts[2] == "downsample" else [parts[2].replace("bn", "norm")]
            parts = ["stages", str(int(parts[0][5:]) - 1), "blocks", parts[1], *inner, parts[-1]]
        else:
            parts[0] = {"conv1": "stem.conv", "bn": "norm", "fc": "head.fc"}[parts[0]]
        names[".".join(parts)] = tensor[:, :, None, None] if name == "fc.weight" else tensor
    return names
