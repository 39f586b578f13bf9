namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The number of pixels of a register tile as a type. The JIT compiles the tile once for each number and drops the rows above it, so that
/// any number of pixels is divided into tiles of nearly equal height without computing a pixel that does not exist.
/// </summary>
internal interface ISimdRows
{
    static abstract int Count { get; }
}

internal readonly struct Rows1 : ISimdRows { public static int Count => 1; }

internal readonly struct Rows2 : ISimdRows { public static int Count => 2; }

internal readonly struct Rows3 : ISimdRows { public static int Count => 3; }

internal readonly struct Rows4 : ISimdRows { public static int Count => 4; }

internal readonly struct Rows5 : ISimdRows { public static int Count => 5; }

internal readonly struct Rows6 : ISimdRows { public static int Count => 6; }

internal readonly struct Rows7 : ISimdRows { public static int Count => 7; }

internal readonly struct Rows8 : ISimdRows { public static int Count => 8; }

internal readonly struct Rows9 : ISimdRows { public static int Count => 9; }

internal readonly struct Rows10 : ISimdRows { public static int Count => 10; }

internal readonly struct Rows11 : ISimdRows { public static int Count => 11; }

internal readonly struct Rows12 : ISimdRows { public static int Count => 12; }

internal readonly struct Rows13 : ISimdRows { public static int Count => 13; }

internal readonly struct Rows14 : ISimdRows { public static int Count => 14; }
