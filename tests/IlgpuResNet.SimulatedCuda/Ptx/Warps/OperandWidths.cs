namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Which operands of an instruction have 64 bits; all others have 32 or fewer, and fill 32.</summary>
internal readonly record struct OperandWidths(bool D, bool A, bool B, bool C)
{
    /// <summary>As the PTX ISA gives each opcode's types.</summary>
    public static OperandWidths Of(string opcode)
    {
        string[] parts = opcode.Split('.');
        bool isWide = IsWide(parts[^1]);
        return parts[0] switch
        {
            "cvt" => new(IsWide(parts[^2]), isWide, false, false),
            "setp" or "testp" => new(false, isWide, isWide, false),
            "selp" => new(isWide, isWide, isWide, false),
            "shl" or "shr" => new(isWide, isWide, false, false),
            "mul" or "mad" when parts[1] == "wide" => new(true, false, false, true),
            _ => new(isWide, isWide, isWide, isWide),
        };
    }

    private static bool IsWide(string type) => type.EndsWith("64", StringComparison.Ordinal);
}
