using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Computes an instruction's result from the words of 16 lanes; it ignores sources that it does not have.</summary>
internal interface IWordOperation
{
    static abstract Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c);
}

/// <summary>Computes an instruction's result from the 64 bits of 8 lanes.</summary>
internal interface IWideOperation
{
    static abstract Vector512<ulong> Apply(Vector512<ulong> a, Vector512<ulong> b);
}

internal readonly struct Add : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a + b;
}

internal readonly struct Subtract : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a - b;
}

internal readonly struct Multiply : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a * b;
}

internal readonly struct MultiplyAdd : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a * b + c;
}

internal readonly struct And : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a & b;
}

internal readonly struct Or : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a | b;
}

internal readonly struct Xor : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a ^ b;
}

internal readonly struct Not : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        ~a;
}

internal readonly struct NotPredicate : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512<uint>.One - a;
}

internal readonly struct Move : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        a;
}

internal readonly struct Select : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.ConditionalSelect(Vector512.Equals(c, default), b, a);
}

internal readonly struct MinSigned : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.Min(a.AsInt32(), b.AsInt32()).AsUInt32();
}

internal readonly struct MaxSigned : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.Max(a.AsInt32(), b.AsInt32()).AsUInt32();
}

internal readonly struct AddFloats : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        (a.AsSingle() + b.AsSingle()).AsUInt32();
}

internal readonly struct SubtractFloats : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        (a.AsSingle() - b.AsSingle()).AsUInt32();
}

internal readonly struct MultiplyFloats : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        (a.AsSingle() * b.AsSingle()).AsUInt32();
}

internal readonly struct FusedMultiplyAdd : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).AsUInt32();
}

internal readonly struct MinFloats : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.MinNumber(a.AsSingle(), b.AsSingle()).AsUInt32();
}

internal readonly struct MaxFloats : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.MaxNumber(a.AsSingle(), b.AsSingle()).AsUInt32();
}

internal readonly struct MinWithNaN : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.Min(a.AsSingle(), b.AsSingle()).AsUInt32();
}

internal readonly struct MaxWithNaN : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.Max(a.AsSingle(), b.AsSingle()).AsUInt32();
}

internal readonly struct AreEqual : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.Equals(a, b) & Vector512<uint>.One;
}

internal readonly struct AreNotEqual : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.AndNot(Vector512<uint>.One, Vector512.Equals(a, b));
}

internal readonly struct IsLessSigned : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.LessThan(a.AsInt32(), b.AsInt32()).AsUInt32() & Vector512<uint>.One;
}

internal readonly struct IsAtMostSigned : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.LessThanOrEqual(a.AsInt32(), b.AsInt32()).AsUInt32() & Vector512<uint>.One;
}

internal readonly struct IsLess : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.LessThan(a, b) & Vector512<uint>.One;
}

internal readonly struct IsAtMost : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.LessThanOrEqual(a, b) & Vector512<uint>.One;
}

internal readonly struct IsLessFloat : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.LessThan(a.AsSingle(), b.AsSingle()).AsUInt32() & Vector512<uint>.One;
}

internal readonly struct IsAtMostFloat : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.LessThanOrEqual(a.AsSingle(), b.AsSingle()).AsUInt32() & Vector512<uint>.One;
}

internal readonly struct AreEqualFloats : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512.Equals(a.AsSingle(), b.AsSingle()).AsUInt32() & Vector512<uint>.One;
}

/// <summary>The ordered comparison, false beside a NaN.</summary>
internal readonly struct DifferFloats : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        IsLessFloat.Apply(a, b, c) | IsLessFloat.Apply(b, a, c);
}

internal readonly struct AreNumbers : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        AreEqualFloats.Apply(a, a, c) & AreEqualFloats.Apply(b, b, c);
}

internal readonly struct IsNaN : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512<uint>.One - AreEqualFloats.Apply(a, a, c);
}

/// <summary>The predicate that denies another one.</summary>
internal readonly struct Denied<T> : IWordOperation
    where T : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Vector512<uint>.One - T.Apply(a, b, c);
}

/// <summary>An operation with its first two sources exchanged.</summary>
internal readonly struct Swapped<T> : IWordOperation
    where T : IWordOperation
{
    public static Vector512<uint> Apply(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) => T.Apply(b, a, c);
}

internal readonly struct AddWide : IWideOperation
{
    public static Vector512<ulong> Apply(Vector512<ulong> a, Vector512<ulong> b) => a + b;
}

internal readonly struct SubtractWide : IWideOperation
{
    public static Vector512<ulong> Apply(Vector512<ulong> a, Vector512<ulong> b) => a - b;
}

internal readonly struct MultiplyWide : IWideOperation
{
    public static Vector512<ulong> Apply(Vector512<ulong> a, Vector512<ulong> b) => a * b;
}
