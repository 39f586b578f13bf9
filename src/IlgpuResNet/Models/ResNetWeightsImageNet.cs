using System.Collections.Immutable;

namespace IlgpuResNet;

/// <content>The table of weights, which a test compares with the output of <c>tests/reference/torchvision_weights.py</c>.</content>
public sealed partial class ResNetWeights
{
    /// <summary>
    /// First published weights of each network, trained by a simple recipe; those of <see cref="ResNeXt101_64x4d"/> came later, by the
    /// newer recipe.
    /// </summary>
    public static class ImageNet1KV1
    {
        /// <summary>ResNet-18.</summary>
        public static ResNetWeights ResNet18 { get; } = V1(ResNetConfig.ResNet18, "f37072fd", 69.758, 89.078);

        /// <summary>ResNet-34.</summary>
        public static ResNetWeights ResNet34 { get; } = V1(ResNetConfig.ResNet34, "b627a593", 73.314, 91.420);

        /// <summary>ResNet-50.</summary>
        public static ResNetWeights ResNet50 { get; } = V1(ResNetConfig.ResNet50, "0676ba61", 76.130, 92.862);

        /// <summary>ResNet-101.</summary>
        public static ResNetWeights ResNet101 { get; } = V1(ResNetConfig.ResNet101, "63fe2227", 77.374, 93.546);

        /// <summary>ResNet-152.</summary>
        public static ResNetWeights ResNet152 { get; } = V1(ResNetConfig.ResNet152, "394f9c45", 78.312, 94.046);

        /// <summary>ResNeXt-50 32x4d.</summary>
        public static ResNetWeights ResNeXt50_32x4d { get; } = V1(ResNetConfig.ResNeXt50_32x4d, "7cdf4587", 77.618, 93.698);

        /// <summary>ResNeXt-101 32x8d.</summary>
        public static ResNetWeights ResNeXt101_32x8d { get; } = V1(ResNetConfig.ResNeXt101_32x8d, "8ba56ff5", 79.312, 94.526);

        /// <summary>ResNeXt-101 64x4d, with the preset of the newer recipe.</summary>
        public static ResNetWeights ResNeXt101_64x4d { get; } =
            V1(ResNetConfig.ResNeXt101_64x4d, "173b62eb", 83.246, 96.454, ImagePreset.ImageNet1KV2);

        /// <summary>Wide ResNet-50-2.</summary>
        public static ResNetWeights WideResNet50_2 { get; } = V1(ResNetConfig.WideResNet50_2, "95faca4d", 78.468, 94.086);

        /// <summary>Wide ResNet-101-2.</summary>
        public static ResNetWeights WideResNet101_2 { get; } = V1(ResNetConfig.WideResNet101_2, "32ee1156", 78.848, 94.284);

        internal static ImmutableArray<ResNetWeights> All =>
        [
            ResNet18, ResNet34, ResNet50, ResNet101, ResNet152,
            ResNeXt50_32x4d, ResNeXt101_32x8d, ResNeXt101_64x4d, WideResNet50_2, WideResNet101_2,
        ];

        private static ResNetWeights V1(ResNetConfig config, string hash, double top1, double top5, ImagePreset? preset = null) =>
            new(config, "IMAGENET1K_V1", hash, preset ?? ImagePreset.ImageNet1KV1, top1, top5);
    }

    /// <summary>Weights trained by torchvision's newer recipe; not every network has them.</summary>
    public static class ImageNet1KV2
    {
        /// <summary>ResNet-50.</summary>
        public static ResNetWeights ResNet50 { get; } = V2(ResNetConfig.ResNet50, "11ad3fa6", 80.858, 95.434);

        /// <summary>ResNet-101.</summary>
        public static ResNetWeights ResNet101 { get; } = V2(ResNetConfig.ResNet101, "cd907fc2", 81.886, 95.780);

        /// <summary>ResNet-152.</summary>
        public static ResNetWeights ResNet152 { get; } = V2(ResNetConfig.ResNet152, "f82ba261", 82.284, 96.002);

        /// <summary>ResNeXt-50 32x4d.</summary>
        public static ResNetWeights ResNeXt50_32x4d { get; } = V2(ResNetConfig.ResNeXt50_32x4d, "1a0047aa", 81.198, 95.340);

        /// <summary>ResNeXt-101 32x8d.</summary>
        public static ResNetWeights ResNeXt101_32x8d { get; } = V2(ResNetConfig.ResNeXt101_32x8d, "110c445d", 82.834, 96.228);

        /// <summary>Wide ResNet-50-2.</summary>
        public static ResNetWeights WideResNet50_2 { get; } = V2(ResNetConfig.WideResNet50_2, "9ba9bcbe", 81.602, 95.758);

        /// <summary>Wide ResNet-101-2.</summary>
        public static ResNetWeights WideResNet101_2 { get; } = V2(ResNetConfig.WideResNet101_2, "d733dc28", 82.510, 96.020);

        internal static ImmutableArray<ResNetWeights> All =>
            [ResNet50, ResNet101, ResNet152, ResNeXt50_32x4d, ResNeXt101_32x8d, WideResNet50_2, WideResNet101_2];

        private static ResNetWeights V2(ResNetConfig config, string hash, double top1, double top5) =>
            new(config, "IMAGENET1K_V2", hash, ImagePreset.ImageNet1KV2, top1, top5);
    }
}
