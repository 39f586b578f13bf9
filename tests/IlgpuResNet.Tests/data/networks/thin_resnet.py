"""torchvision's ResNet with free widths, depths and number of stages, and the variants of its block."""

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
                 stride_placement="conv3x3", relu_before_add=False, fixed_pool=None, downsample_bias=False, all_biases=False):
        nn.Module.__init__(self)
        self._norm_layer = nn.BatchNorm2d
        self.inplanes = stem_width
        self.dilation, self.groups, self.base_width = 1, 1, 64  # 64 means "a block's width is its planes"
        self.conv1 = nn.Conv2d(input_channels, stem_width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = []
        kind = BLOCKS[block, relu_before_add]
        for stage, depth in enumerate(depths):
            name = f"layer{stage + 1}"
            setattr(self, name, self._make_layer(kind, base_width << stage, depth, stride=1 if stage == 0 else 2))
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
