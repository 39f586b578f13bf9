namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Contracts a product that only one sum reads, as ptxas does by default: both become one fused multiply-add that rounds once. The PTX ISA
/// allows it for <c>mul.f32</c> and <c>add.f32</c> without a rounding modifier.
/// </summary>
internal static class Contraction
{
    /// <summary>Merges such pairs of a basic block and leaves the product out; labels keep their places.</summary>
    public static void Apply(List<Instruction> code, Dictionary<string, int> labels)
    {
        Dictionary<int, int> reads = code.SelectMany(i => i.Reads).CountBy(slot => slot).ToDictionary();
        var starts = labels.Values.ToHashSet();
        // The products of the current basic block that are still in their slots, and so are their factors.
        var products = new Dictionary<int, Instruction>();
        var merged = new HashSet<Instruction>();
        for (int n = 0; n < code.Count; n++)
        {
            Instruction i = code[n];
            if (starts.Contains(n)) products.Clear();
            if (i.Opcode == "add.f32" && !i.IsGuarded && Product(products, i) is { } product)
            {
                i.Merge(product);
                merged.Add(product);
            }
            foreach (int written in i.Writes)
                foreach ((int slot, Instruction old) in products)
                    if (old.Writes.Contains(written) || old.Reads.Contains(written))
                        products.Remove(slot);
            if (i.Opcode == "mul.f32" && !i.IsGuarded && reads.GetValueOrDefault(i.D) == 1 && !i.Reads.Contains(i.D)) products[i.D] = i;
            if (i.EndsBlock) products.Clear();
        }
        foreach (string label in labels.Keys) labels[label] -= code.Take(labels[label]).Count(merged.Contains);
        code.RemoveAll(merged.Contains);
    }

    private static Instruction? Product(Dictionary<int, Instruction> products, Instruction sum) =>
        products.GetValueOrDefault(sum.A) ?? products.GetValueOrDefault(sum.B);
}
