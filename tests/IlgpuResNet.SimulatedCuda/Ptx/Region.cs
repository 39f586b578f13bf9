namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>A run of bytes with an address; its neighbours lie far enough away that no access past its end meets them.</summary>
internal sealed class Region(string name, ulong address, byte[] data, int cellBytes)
{
    private RaceDetector? accesses;
    private ByteExtent loaded, stored;

    public string Name { get; } = name;

    public ulong Address { get; } = address;

    public byte[] Data { get; } = data;

    /// <summary>Made at the first access: a launch touches few of a device's allocations.</summary>
    public RaceDetector Accesses => accesses ??= new RaceDetector(Data.Length, cellBytes);

    /// <summary>Which bytes were ever written; null where nobody keeps track.</summary>
    public bool[]? IsWritten { get; init; }

    /// <summary>The bytes from the first to the last that was loaded.</summary>
    public ByteExtent Loaded => loaded;

    /// <summary>The bytes from the first to the last that was stored to.</summary>
    public ByteExtent Stored => stored;

    public bool Contains(ulong first, int bytes) => first >= Address && first + (ulong)bytes <= Address + (ulong)Data.Length;

    public void MarkLoaded(int offset, int bytes) => loaded.Include(Address + (ulong)offset, bytes);

    /// <summary>Adds a range of accesses to <see cref="Loaded"/> or <see cref="Stored"/>.</summary>
    public void Include(ulong first, int bytes, bool isStore)
    {
        if (isStore) stored.Include(first, bytes);
        else loaded.Include(first, bytes);
    }

    public void MarkStored(int offset, int bytes)
    {
        stored.Include(Address + (ulong)offset, bytes);
        IsWritten?.AsSpan(offset, bytes).Fill(true);
    }
}

/// <summary>The smallest range of addresses that holds all accesses.</summary>
internal struct ByteExtent
{
    private ulong end;

    public ulong First { get; private set; }

    public readonly bool IsEmpty => end == 0;

    public readonly long Length => (long)(end - First);

    public void Include(ulong address, int bytes)
    {
        if (IsEmpty || address < First) First = address;
        end = Math.Max(end, address + (ulong)bytes);
    }
}
