namespace IlgpuResNet.Weights;

/// <summary>Sizes and file names of <see cref="DataType"/>.</summary>
internal static class DataTypes
{
    private static readonly Dictionary<string, DataType> BySafetensorsName = new(StringComparer.Ordinal)
    {
        ["F32"] = DataType.Float32,
        ["F16"] = DataType.Float16,
        ["BF16"] = DataType.BFloat16,
        ["F64"] = DataType.Float64,
        ["I8"] = DataType.Int8,
        ["I16"] = DataType.Int16,
        ["I32"] = DataType.Int32,
        ["I64"] = DataType.Int64,
        ["U8"] = DataType.UInt8,
        ["BOOL"] = DataType.Bool,
    };

    private static readonly Dictionary<DataType, string> SafetensorsNames =
        BySafetensorsName.ToDictionary(pair => pair.Value, pair => pair.Key);

    /// <summary>Names of the element types that this library reads from safetensors files, for messages.</summary>
    public static string SupportedSafetensorsNames { get; } = string.Join(", ", BySafetensorsName.Keys);

    /// <summary>Returns the number of bytes of one element.</summary>
    public static int Size(this DataType type) => type switch
    {
        DataType.Float64 or DataType.Int64 => 8,
        DataType.Float32 or DataType.Int32 => 4,
        DataType.Float16 or DataType.BFloat16 or DataType.Int16 => 2,
        DataType.Int8 or DataType.UInt8 or DataType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Returns the name that safetensors headers use.</summary>
    public static string SafetensorsName(this DataType type) => SafetensorsNames[type];

    /// <summary>Parses a name of a safetensors header; false for a type that this library does not read.</summary>
    public static bool TryParseSafetensors(string name, out DataType type) => BySafetensorsName.TryGetValue(name, out type);
}
