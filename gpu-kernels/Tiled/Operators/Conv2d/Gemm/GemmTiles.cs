namespace IlgpuResNet.Kernels.Tiled;

/// <summary>A <see cref="GemmTile"/> as a type, so that its numbers are constants in a kernel that is compiled for it.</summary>
internal interface IGemmTile
{
    /// <inheritdoc cref="GemmTile.M"/>
    static abstract int M { get; }

    /// <inheritdoc cref="GemmTile.N"/>
    static abstract int N { get; }

    /// <inheritdoc cref="GemmTile.K"/>
    static abstract int K { get; }

    /// <inheritdoc cref="GemmTile.ThreadN"/>
    static abstract int ThreadN { get; }

    /// <inheritdoc cref="GemmTile.PartitionsK"/>
    static abstract int PartitionsK { get; }

    /// <inheritdoc cref="GemmTile.Threads"/>
    static abstract int Threads { get; }
}

/// <inheritdoc cref="GemmTile.M128N128"/>
internal readonly struct Tile128x128 : IGemmTile
{
    public static int M => 128;

    public static int N => 128;

    public static int K => 8;

    public static int ThreadN => 8;

    public static int PartitionsK => 1;

    public static int Threads => 256;
}

/// <inheritdoc cref="GemmTile.M128N64"/>
internal readonly struct Tile128x64 : IGemmTile
{
    public static int M => 128;

    public static int N => 64;

    public static int K => 8;

    public static int ThreadN => 8;

    public static int PartitionsK => 1;

    public static int Threads => 128;
}

/// <inheritdoc cref="GemmTile.M64N128"/>
internal readonly struct Tile64x128 : IGemmTile
{
    public static int M => 64;

    public static int N => 128;

    public static int K => 8;

    public static int ThreadN => 8;

    public static int PartitionsK => 1;

    public static int Threads => 128;
}

/// <inheritdoc cref="GemmTile.M64N64"/>
internal readonly struct Tile64x64 : IGemmTile
{
    public static int M => 64;

    public static int N => 64;

    public static int K => 8;

    public static int ThreadN => 8;

    public static int PartitionsK => 1;

    public static int Threads => 64;
}

/// <inheritdoc cref="GemmTile.M64N32"/>
internal readonly struct Tile64x32 : IGemmTile
{
    public static int M => 64;

    public static int N => 32;

    public static int K => 8;

    public static int ThreadN => 4;

    public static int PartitionsK => 1;

    public static int Threads => 64;
}

/// <inheritdoc cref="GemmTile.M32N64"/>
internal readonly struct Tile32x64 : IGemmTile
{
    public static int M => 32;

    public static int N => 64;

    public static int K => 8;

    public static int ThreadN => 8;

    public static int PartitionsK => 1;

    public static int Threads => 64;
}

/// <inheritdoc cref="GemmTile.M32N32"/>
internal readonly struct Tile32x32 : IGemmTile
{
    public static int M => 32;

    public static int N => 32;

    public static int K => 8;

    public static int ThreadN => 4;

    public static int PartitionsK => 1;

    public static int Threads => 64;
}

/// <inheritdoc cref="GemmTile.M64N64P2"/>
internal readonly struct Tile64x64P2 : IGemmTile
{
    public static int M => 64;

    public static int N => 64;

    public static int K => 16;

    public static int ThreadN => 8;

    public static int PartitionsK => 2;

    public static int Threads => 128;
}

/// <inheritdoc cref="GemmTile.M32N64P4"/>
internal readonly struct Tile32x64P4 : IGemmTile
{
    public static int M => 32;

    public static int N => 64;

    public static int K => 16;

    public static int ThreadN => 8;

    public static int PartitionsK => 4;

    public static int Threads => 128;
}
