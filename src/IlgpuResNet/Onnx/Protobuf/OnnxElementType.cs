using System.Globalization;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>ONNX's numbers of element types (TensorProto.DataType).</summary>
internal static class OnnxElementType
{
    public const int Undefined = 0;
    public const int Float = 1;
    public const int UInt8 = 2;
    public const int Int8 = 3;
    public const int UInt16 = 4;
    public const int Int16 = 5;
    public const int Int32 = 6;
    public const int Int64 = 7;
    public const int String = 8;
    public const int Bool = 9;
    public const int Float16 = 10;
    public const int Double = 11;
    public const int UInt32 = 12;
    public const int UInt64 = 13;
    public const int Complex64 = 14;
    public const int Complex128 = 15;
    public const int BFloat16 = 16;

    /// <summary>The types that can be read, for messages.</summary>
    public const string Readable = "float32, float16, bfloat16, double, int8, int16, int32, int64, uint8 and bool";

    private static readonly string[] Names =
    [
        "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double", "uint32",
        "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4",
        "float4e2m1",
    ];

    /// <summary>The type's name, for messages.</summary>
    public static string Name(int elementType) => elementType >= 0 && elementType < Names.Length
        ? Names[elementType]
        : "number " + elementType.ToString(CultureInfo.InvariantCulture);

    /// <summary>True for the types of floats that can be read; the network computes with all of them as float32.</summary>
    public static bool IsFloat(int elementType) => elementType is Float or Float16 or Double or BFloat16;

    /// <summary>The element type of a number; null for a type that is not supported.</summary>
    public static DataType? ToDataType(int elementType) => elementType switch
    {
        Float => DataType.Float32,
        UInt8 => DataType.UInt8,
        Int8 => DataType.Int8,
        Int16 => DataType.Int16,
        Int32 => DataType.Int32,
        Int64 => DataType.Int64,
        Bool => DataType.Bool,
        Float16 => DataType.Float16,
        Double => DataType.Float64,
        BFloat16 => DataType.BFloat16,
        _ => null,
    };

    /// <summary>ONNX's number of an element type.</summary>
    public static int FromDataType(DataType type) => type switch
    {
        DataType.Float32 => Float,
        DataType.UInt8 => UInt8,
        DataType.Int8 => Int8,
        DataType.Int16 => Int16,
        DataType.Int32 => Int32,
        DataType.Int64 => Int64,
        DataType.Bool => Bool,
        DataType.Float16 => Float16,
        DataType.Float64 => Double,
        DataType.BFloat16 => BFloat16,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };
}
