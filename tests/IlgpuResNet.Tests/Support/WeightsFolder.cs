using System.Buffers.Binary;
using System.Text;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>A folder for the files of one test, and makers of such files.</summary>
/// <param name="inMemory">Whether the folder lies in memory where the system has one there: for thousands of small files.</param>
internal sealed class WeightsFolder(bool inMemory = false) : IDisposable
{
    private const string MemoryFolder = "/dev/shm";

    private readonly DirectoryInfo folder = inMemory && Directory.Exists(MemoryFolder)
        ? Directory.CreateDirectory(Path.Combine(MemoryFolder, $"weights-test-{Path.GetRandomFileName()}"))
        : Directory.CreateTempSubdirectory("weights-test-");

    public static string Golden(string name) => Path.Combine(AppContext.BaseDirectory, "data", "weights", name);

    public string PathOf(string name) => Path.Combine(folder.FullName, name);

    public string Write(string name, ReadOnlySpan<byte> content)
    {
        File.WriteAllBytes(PathOf(name), content);
        return PathOf(name);
    }

    public string WriteSafetensors(string header, ReadOnlySpan<byte> data, string name = "test.safetensors") =>
        Write(name, Safetensors(Encoding.UTF8.GetBytes(header), data));

    /// <summary>The bytes of a file, made independently of the library's writer.</summary>
    public static byte[] Safetensors(ReadOnlySpan<byte> header, ReadOnlySpan<byte> data)
    {
        byte[] prefix = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
        return [.. prefix, .. header, .. data];
    }

    /// <summary>Checks that loading fails with one clear line that names the file and has this part.</summary>
    public static WeightsException Refused(string path, string part)
    {
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => StateDict.Load(path).Dispose());
        StringAssert.Contains(error.Message, part, StringComparison.Ordinal);
        StringAssert.StartsWith(error.Message, path, StringComparison.Ordinal);
        Assert.IsFalse(error.Message.AsSpan().ContainsAny('\n', '\r'), error.Message);
        Assert.IsLessThan(path.Length + 600, error.Message.Length, error.Message);
        return error;
    }

    public void Dispose() => folder.Delete(recursive: true);
}
