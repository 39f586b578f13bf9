using System.Buffers.Binary;
using System.IO.Compression;

namespace IlgpuResNet.Bench;

/// <summary>An array of bytes in the IDX format of MNIST (LeCun et al.): items of equal sizes, one after another.</summary>
internal sealed class IdxFile
{
    private const int UnsignedBytes = 8;
    private const int HeaderLength = 4;

    private readonly byte[] data;
    private readonly int start;
    private readonly int itemLength;

    private IdxFile(byte[] data, int start, int count, int[] sizes)
    {
        this.data = data;
        this.start = start;
        Count = count;
        Sizes = sizes;
        itemLength = sizes.Aggregate(1, (product, size) => product * size);
    }

    public int Count { get; }

    /// <summary>Sizes of one item; empty for labels.</summary>
    public int[] Sizes { get; }

    public ReadOnlyMemory<byte> Item(int index) => data.AsMemory(start + index * itemLength, itemLength);

    /// <exception cref="ResNetException">The file cannot be read or is not of this format.</exception>
    public static IdxFile Load(string path)
    {
        try
        {
            byte[] data = File.ReadAllBytes(path);
            if (data is [0x1F, 0x8B, ..])
            {
                using var unpacked = new MemoryStream();
                using (var gzip = new GZipStream(new MemoryStream(data), CompressionMode.Decompress)) gzip.CopyTo(unpacked);
                data = unpacked.ToArray();
            }
            if (data.Length < HeaderLength || data[2] != UnsignedBytes || data[3] == 0)
                throw new ResNetException($"{path}: expected an IDX file of bytes.");
            int start = HeaderLength + sizeof(int) * data[3];
            if (data.Length < start) throw new ResNetException($"{path}: ends inside its header; the file is damaged.");
            int[] sizes = new int[data[3]];
            for (int i = 0; i < sizes.Length; i++)
                sizes[i] = BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(HeaderLength + sizeof(int) * i));
            if (Array.Exists(sizes, size => size < 1) || !HasProduct(sizes, data.Length - start))
            {
                throw new ResNetException(
                    $"{path}: its sizes [{string.Join(", ", sizes)}] do not fit its {data.Length} bytes; the file is damaged.");
            }
            return new IdxFile(data, start, sizes[0], sizes[1..]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new ResNetException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    /// <summary>True when the product of the sizes is a length; stops before it could overflow.</summary>
    private static bool HasProduct(int[] sizes, int length)
    {
        long product = 1;
        foreach (int size in sizes)
        {
            product *= size;
            if (product > length) return false;
        }
        return product == length;
    }
}
