using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The end of a split reduction: adds up the parts <c>[part][pixel][K rounded up to quads]</c> in their order and computes the epilogue. It
/// uses no atomic operations, so that every run gives the same bits. One thread per quad of channels of one pixel.
/// </summary>
internal static class SumParts
{
    /// <summary>Threads per group: few, because reductions are split where outputs are small.</summary>
    public const int GroupSize = 64;

    /// <summary>Computes one quad of <paramref name="count"/>.</summary>
    public static void Kernel(int count, int parts, Conv2dShape shape, ArrayView<float> partial, Operands operands, Epilogue epilogue)
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        ArrayView<Float4> quads = partial.Cast<Float4>();
        Float4 sum = quads[i];
        for (int part = 1; part < parts; part++) sum = Float4.Add(sum, quads[part * count + i]);
        int quadsPerRow = OutputTile.QuadsPerRow(shape.K);
        int pixel = i / quadsPerRow;
        OutputTile output = OutputTile.Create(shape, operands, epilogue, isPartial: false, part: 0);
        output.Finish(output.Column((i - pixel * quadsPerRow) * Float4.Width), sum, pixel);
    }
}
