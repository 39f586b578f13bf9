using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Damaged files end in a <see cref="WeightsException"/> or in tensors that can be read; in nothing else.</summary>
[TestClass]
public sealed class WeightsMutationTest
{
    private const int Mutations = 1000;
    private const int Seed = 20_161;

    [TestMethod]
    [DataRow("views.pth")]
    [DataRow("views.stream.pth")]
    [DataRow("checkpoint.pth")]
    [DataRow("checkpoint.stream.pth")]
    [DataRow("views.safetensors")]
    [DataRow("checkpoint.safetensors")]
    public void Never_fails_in_another_way(string name)
    {
        using var folder = new WeightsFolder();
        byte[] original = Original(folder, name);
        int refused = 0;
        for (int i = 0; i < Mutations; i++)
        {
            string path = folder.Write("mutated", Mutate(original, new Random(Seed + i)));
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using StateDict weights = StateDict.Load(path);
                foreach (StateTensor tensor in weights.Values) tensor.ToArray();
            }
            catch (WeightsException e)
            {
                refused++;
                Assert.IsFalse(e.Message.Contains('\n', StringComparison.Ordinal), e.Message);
            }
            catch (Exception e) when (e is not UnitTestAssertException)
            {
                Assert.Fail($"{name} mutated with seed {Seed + i}: {e}");
            }
            Assert.IsLessThan((32L << 20) + 6 * original.Length, GC.GetAllocatedBytesForCurrentThread() - before, $"{name} mutated with seed {Seed + i}");
        }
        Assert.IsGreaterThan(Mutations / 10, refused);
    }

    private static byte[] Original(WeightsFolder folder, string name)
    {
        if (!name.EndsWith(".safetensors", StringComparison.Ordinal)) return File.ReadAllBytes(WeightsFolder.Golden(name));
        using StateDict weights = StateDict.Load(WeightsFolder.Golden(Path.ChangeExtension(name, ".pth")));
        weights.Save(folder.PathOf(name));
        return File.ReadAllBytes(folder.PathOf(name));
    }

    /// <summary>A few changed bytes, a piece cut out, a piece repeated, or the end missing.</summary>
    private static byte[] Mutate(byte[] original, Random random)
    {
        int at = random.Next(original.Length);
        int length = random.Next(Math.Min(32, original.Length - at));
        switch (random.Next(5))
        {
            case 0:
                return [.. original.AsSpan(0, at), .. original.AsSpan(at + length)];
            case 1:
                return [.. original.AsSpan(0, at + length), .. original.AsSpan(at)];
            case 2:
                return original[..at];
            default:
                byte[] changed = [.. original];
                for (int i = random.Next(1, 5); i > 0; i--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
                return changed;
        }
    }
}
