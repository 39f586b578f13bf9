using System.Numerics;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Weights;

/// <summary>Converts stored elements to float32. They are little-endian in all weight formats.</summary>
internal static class ElementConversion
{
    /// <summary>Converts as many elements as the destination holds.</summary>
    public static void ToSingle(DataType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case DataType.Float32:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case DataType.Float16:
                HalfToSingle(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case DataType.BFloat16:
                BFloat16ToSingle(MemoryMarshal.Cast<byte, ushort>(source), destination);
                break;
            case DataType.Float64:
                NumbersToSingle<double>(source, destination);
                break;
            case DataType.Int8:
                NumbersToSingle<sbyte>(source, destination);
                break;
            case DataType.Int16:
                NumbersToSingle<short>(source, destination);
                break;
            case DataType.Int32:
                NumbersToSingle<int>(source, destination);
                break;
            case DataType.Int64:
                NumbersToSingle<long>(source, destination);
                break;
            case DataType.UInt8:
                NumbersToSingle<byte>(source, destination);
                break;
            case DataType.Bool:
                for (int i = 0; i < destination.Length; i++) destination[i] = source[i] == 0 ? 0 : 1;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type));
        }
    }

    private static void NumbersToSingle<T>(ReadOnlySpan<byte> source, Span<float> destination) where T : unmanaged, INumber<T>
    {
        ReadOnlySpan<T> numbers = MemoryMarshal.Cast<byte, T>(source)[..destination.Length];
        for (int i = 0; i < numbers.Length; i++) destination[i] = float.CreateTruncating(numbers[i]);
    }

    private static void BFloat16ToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        for (; i <= destination.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            Vector.AsVectorSingle(low << 16).CopyTo(destination[i..]);
            Vector.AsVectorSingle(high << 16).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }
        for (; i < destination.Length; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    // .NET converts Half one value at a time, in about ten instructions; a checkpoint has tens of millions of them.
    private static void HalfToSingle(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        for (; i <= destination.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            HalfToSingle(low).CopyTo(destination[i..]);
            HalfToSingle(high).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }
        for (; i < destination.Length; i++) destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
    }

    private static Vector<float> HalfToSingle(Vector<uint> half)
    {
        const uint ExponentMask = 0x7C00 << 13;
        const uint Rebias = (127 - 15) << 23;
        const float SmallestNormal = 1f / (1 << 14);

        Vector<uint> magnitude = (half & new Vector<uint>(0x7FFF)) << 13;
        Vector<uint> exponent = magnitude & new Vector<uint>(ExponentMask);
        Vector<uint> normal = magnitude + new Vector<uint>(Rebias);
        Vector<uint> infinite = normal + new Vector<uint>(Rebias);
        // A subnormal gets an implied one, which the subtraction removes again exactly.
        Vector<float> raised = Vector.AsVectorSingle(normal + new Vector<uint>(1u << 23));
        Vector<uint> subnormal = Vector.AsVectorUInt32(raised - new Vector<float>(SmallestNormal));

        Vector<uint> bits = Vector.ConditionalSelect(Vector.Equals(exponent, Vector<uint>.Zero), subnormal, normal);
        bits = Vector.ConditionalSelect(Vector.Equals(exponent, new Vector<uint>(ExponentMask)), infinite, bits);
        return Vector.AsVectorSingle(bits | ((half & new Vector<uint>(0x8000)) << 16));
    }
}
