using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Tests;

/// <summary>
/// Device memory with sentinels on both sides. Kernels see only <see cref="View"/>; <see cref="Read"/> fails the test
/// when a sentinel changed. The sentinel is a NaN with a payload of its own: a stray read poisons the result as well.
/// </summary>
public sealed class GuardedBuffer : IDisposable
{
    private const int Guard = 64;
    private const int Sentinel = 0x7FC5_1ABE;

    private readonly MemoryBuffer1D<float, Stride1D.Dense> buffer;
    private readonly int length;

    /// <summary>Allocates and fills; an output is filled with sentinels too, so that an unwritten element shows.</summary>
    private GuardedBuffer(Accelerator accelerator, ReadOnlySpan<float> values, int length)
    {
        this.length = length;
        float[] host = new float[length + 2 * Guard];
        host.AsSpan().Fill(BitConverter.Int32BitsToSingle(Sentinel));
        values.CopyTo(host.AsSpan(Guard));
        buffer = accelerator.Allocate1D(host);
    }

    public ArrayView<float> View => buffer.View.AsContiguous().SubView(Guard, length);

    public static GuardedBuffer Input(Accelerator accelerator, ReadOnlySpan<float> values) => new(accelerator, values, values.Length);

    public static GuardedBuffer Output(Accelerator accelerator, int length) => new(accelerator, [], length);

    /// <summary>The elements, after a check of both guards.</summary>
    public float[] Read()
    {
        float[] host = buffer.GetAsArray1D();
        for (int i = 0; i < Guard; i++)
        {
            Assert.AreEqual(Sentinel, BitConverter.SingleToInt32Bits(host[i]), $"write {Guard - i} elements before the buffer");
            Assert.AreEqual(
                Sentinel, BitConverter.SingleToInt32Bits(host[Guard + length + i]), $"write {i} elements after the end of the buffer");
        }
        return host[Guard..(Guard + length)];
    }

    public void Dispose() => buffer.Dispose();
}
