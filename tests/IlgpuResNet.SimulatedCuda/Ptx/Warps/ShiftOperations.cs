using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>A shift by less than the width of a word.</summary>
internal interface IShift
{
    static abstract Vector512<uint> Apply(Vector512<uint> a, int by);
}

/// <summary>A result of a division whose quotient, cut off, is known.</summary>
internal interface IDivision
{
    static abstract Vector512<int> Apply(Vector512<int> a, Vector512<int> b, Vector512<int> quotient);
}

internal readonly struct ShiftLeft : IShift
{
    public static Vector512<uint> Apply(Vector512<uint> a, int by) => a << by;
}

internal readonly struct ShiftRight : IShift
{
    public static Vector512<uint> Apply(Vector512<uint> a, int by) => a >>> by;
}

internal readonly struct ShiftRightSigned : IShift
{
    public static Vector512<uint> Apply(Vector512<uint> a, int by) => (a.AsInt32() >> by).AsUInt32();
}

internal readonly struct Quotient : IDivision
{
    public static Vector512<int> Apply(Vector512<int> a, Vector512<int> b, Vector512<int> quotient) => quotient;
}

internal readonly struct Remainder : IDivision
{
    public static Vector512<int> Apply(Vector512<int> a, Vector512<int> b, Vector512<int> quotient) => a - quotient * b;
}
