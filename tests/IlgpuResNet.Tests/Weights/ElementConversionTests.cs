using System.Runtime.InteropServices;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ElementConversionTests
{
    private static readonly ushort[] AllBits = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i)];

    [TestMethod]
    public void Every_half_converts_as_dotnet_does()
    {
        float[] converted = Convert(DataType.Float16, AllBits);
        foreach (ushort bits in AllBits) Same((float)BitConverter.UInt16BitsToHalf(bits), converted[bits], bits);
    }

    [TestMethod]
    public void Every_bfloat16_is_the_upper_half_of_a_float()
    {
        float[] converted = Convert(DataType.BFloat16, AllBits);
        foreach (ushort bits in AllBits) Same(BitConverter.Int32BitsToSingle(bits << 16), converted[bits], bits);
    }

    [TestMethod]
    public void Every_length_has_its_tail()
    {
        for (int length = 0; length < 70; length++)
        {
            ushort[] ones = [.. Enumerable.Repeat((ushort)0x3C00, length)];
            CollectionAssert.AreEqual(Enumerable.Repeat(1f, length).ToArray(), Convert(DataType.Float16, ones));
        }
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    [DataRow(float.NegativeInfinity)]
    public void Non_finite_values_are_found_at_any_place(float value)
    {
        for (int length = 1; length < 40; length++)
        {
            float[] values = [.. Enumerable.Repeat(float.MaxValue, length)];
            Assert.IsFalse(NonFinite.Any(values));
            for (int i = 0; i < length; i++)
            {
                values[i] = value;
                Assert.IsTrue(NonFinite.Any(values), $"{i} of {length}");
                values[i] = -float.Epsilon;
            }
        }
    }

    private static float[] Convert(DataType type, ushort[] bits)
    {
        float[] converted = new float[bits.Length];
        ElementConversion.ToSingle(type, MemoryMarshal.AsBytes<ushort>(bits), converted);
        return converted;
    }

    private static void Same(float expected, float actual, ushort bits)
    {
        if (float.IsNaN(expected)) Assert.IsTrue(float.IsNaN(actual), $"0x{bits:X4}");
        else Assert.AreEqual(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(actual), $"0x{bits:X4}");
    }
}
