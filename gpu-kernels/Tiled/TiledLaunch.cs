using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>Helpers that the launchers of the tiled family share.</summary>
internal static class TiledLaunch
{
    /// <summary>
    /// As many groups of <paramref name="groupSize"/> threads as <paramref name="count"/> threads fill, in one dimension.
    /// </summary>
    public static KernelConfig Flat(int count, int groupSize) => new(IntegerMath.DivideRoundUp(count, groupSize), groupSize);

    /// <summary>The part of a view that a shape covers. Kernels check nothing and index with 32 bits, so both are checked here.</summary>
    /// <exception cref="ArgumentException">The view is too short, or the shape needs more than 2^31 - 1 floats.</exception>
    public static ArrayView<float> Trim(ArrayView<float> view, long needed, [CallerArgumentExpression(nameof(view))] string? name = null)
    {
        if (needed > int.MaxValue)
            throw new ArgumentException(
                $"{name} would be {needed} floats, kernels index at most {int.MaxValue}; use a smaller batch or image.");
        if (view.Length < needed)
            throw new ArgumentException($"{name} is {view.Length} floats, the shape needs {needed}; pass a view of the whole tensor.");
        return view.SubView(0, needed);
    }

    /// <summary>
    /// The residual that an epilogue adds, else the output: a kernel argument must be real memory on every back end, even where the kernel
    /// does not read it.
    /// </summary>
    /// <exception cref="ArgumentException">The view is too short, or the shape needs more than 2^31 - 1 floats.</exception>
    public static ArrayView<float> TrimResidual(in Operands operands, Epilogue epilogue, long length) =>
        epilogue.HasResidual != 0 ? Trim(operands.Residual, length) : Trim(operands.Output, length);
}
