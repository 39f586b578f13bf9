namespace IlgpuResNet.Onnx;

// Field numbers and enumerations of onnx.proto3 that are used here (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).

/// <summary>Fields of ModelProto.</summary>
internal static class ModelField
{
    public const int IrVersion = 1;
    public const int ProducerName = 2;
    public const int ProducerVersion = 3;
    public const int Domain = 4;
    public const int ModelVersion = 5;
    public const int DocString = 6;
    public const int Graph = 7;
    public const int OpsetImport = 8;
    public const int MetadataProps = 14;
    public const int TrainingInfo = 20;
    public const int Functions = 25;
    public const int Configuration = 26;
}

/// <summary>Fields of GraphProto.</summary>
internal static class GraphField
{
    public const int Node = 1;
    public const int Name = 2;
    public const int Initializer = 5;
    public const int DocString = 10;
    public const int Input = 11;
    public const int Output = 12;
    public const int ValueInfo = 13;
    public const int QuantizationAnnotation = 14;
    public const int SparseInitializer = 15;
    public const int MetadataProps = 16;
}

/// <summary>Fields of NodeProto.</summary>
internal static class NodeField
{
    public const int Input = 1;
    public const int Output = 2;
    public const int Name = 3;
    public const int OpType = 4;
    public const int Attribute = 5;
    public const int Domain = 7;
}

/// <summary>Fields of AttributeProto.</summary>
internal static class AttributeField
{
    public const int Name = 1;
    public const int F = 2;
    public const int I = 3;
    public const int S = 4;
    public const int T = 5;
    public const int G = 6;
    public const int Floats = 7;
    public const int Ints = 8;
    public const int Strings = 9;
    public const int Tensors = 10;
    public const int Graphs = 11;
    public const int TypeProto = 14;
    public const int TypeProtos = 15;
    public const int Type = 20;
    public const int RefAttrName = 21;
    public const int SparseTensor = 22;
    public const int SparseTensors = 23;
}

/// <summary>Fields of TensorProto.</summary>
internal static class TensorField
{
    public const int Dims = 1;
    public const int DataType = 2;
    public const int Segment = 3;
    public const int FloatData = 4;
    public const int Int32Data = 5;
    public const int StringData = 6;
    public const int Int64Data = 7;
    public const int Name = 8;
    public const int RawData = 9;
    public const int DoubleData = 10;
    public const int UInt64Data = 11;
    public const int ExternalData = 13;
    public const int DataLocation = 14;
}

/// <summary>Fields of SparseTensorProto.</summary>
internal static class SparseTensorField
{
    public const int Values = 1;
}

/// <summary>Fields of ValueInfoProto.</summary>
internal static class ValueInfoField
{
    public const int Name = 1;
    public const int Type = 2;
}

/// <summary>Fields of TypeProto, and of the tensor type inside it.</summary>
internal static class TypeField
{
    public const int TensorType = 1;
    public const int TensorElementType = 1;
    public const int TensorShape = 2;
}

/// <summary>Fields of TensorShapeProto, and of a dimension inside it.</summary>
internal static class ShapeField
{
    public const int Dim = 1;
    public const int DimValue = 1;
    public const int DimParam = 2;
}

/// <summary>Fields of OperatorSetIdProto.</summary>
internal static class OpsetField
{
    public const int Domain = 1;
    public const int Version = 2;
}

/// <summary>Fields of StringStringEntryProto.</summary>
internal static class EntryField
{
    public const int Key = 1;
    public const int Value = 2;
}

/// <summary>Fields of FunctionProto.</summary>
internal static class FunctionField
{
    public const int Name = 1;
    public const int Input = 4;
    public const int Output = 5;
    public const int Attribute = 6;
    public const int Node = 7;
    public const int OpsetImport = 9;
    public const int Domain = 10;
    public const int AttributeProto = 11;
}

/// <summary>Locations of a tensor's values (TensorProto.DataLocation).</summary>
internal static class OnnxDataLocation
{
    public const int InFile = 0;
    public const int External = 1;
}

/// <summary>Keys of a tensor's external_data.</summary>
internal static class ExternalDataKey
{
    public const string Location = "location";
    public const string Offset = "offset";
    public const string Length = "length";
}
