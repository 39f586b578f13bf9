using System.Diagnostics;
using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>The operators of the SIMD family.</summary>
internal enum SimdOperator
{
    Conv2d,
    Pointwise,
    MaxPool2d,
    AveragePool2d,
    Softmax,
    ResizeColumns,
    ResizeRows,
}

/// <summary>One operator with its arguments, as a <see cref="SimdProgram"/> keeps it. Only what the operator needs is set.</summary>
internal readonly unsafe struct SimdStep
{
    public required SimdOperator Operator { get; init; }

    /// <summary>Floats of a vector: 16, 8, 4 or 1.</summary>
    public int Lanes { get; init; }

    public Conv2dShape Conv { get; init; }

    public Conv2dAlgorithm Algorithm { get; init; }

    public Pool2dShape Pool { get; init; }

    /// <summary>Pixels of a point-wise step, rows of a softmax.</summary>
    public int Rows { get; init; }

    /// <summary>Channels of a point-wise step, classes of a softmax.</summary>
    public int Columns { get; init; }

    /// <summary>The bytes of a resize.</summary>
    public SimdResizeMemory Resize { get; init; }

    public HorizontalPass Horizontal { get; init; }

    public VerticalPass Vertical { get; init; }

    /// <summary>Views; pools, softmax and the last pass of a resize, whose input is its table, use input and output alone.</summary>
    public Operands Operands { get; init; }

    public Epilogue Epilogue { get; init; }

    /// <summary>Scratch memory that each group needs, in bytes.</summary>
    public long ScratchBytes => Operator != SimdOperator.Conv2d ? 0
        : Algorithm is Conv2dAlgorithm.Direct ? SimdConv2d.ScratchBytes(Conv, Lanes)
        : SimdWinograd.ScratchBytes(Conv, Algorithm, Lanes);

    /// <summary>The part of one group.</summary>
    /// <param name="queues">Number of the group and of groups, and the parts that they have taken.</param>
    /// <param name="scratch">Memory of this group alone, at least <see cref="ScratchBytes"/>.</param>
    public void Run(in SimdQueues queues, void* scratch)
    {
        int group = queues.Group, groups = queues.Groups;
        ArrayView<float> input = Operands.Input, output = Operands.Output;
        switch (Operator)
        {
            case SimdOperator.Conv2d when Algorithm is not Conv2dAlgorithm.Direct:
                SimdWinograd.RunGroup(queues, Lanes, Algorithm, Conv, Operands, Epilogue, scratch);
                break;
            case SimdOperator.Conv2d: SimdConv2d.RunGroup(queues, Lanes, Conv, Operands, Epilogue, scratch); break;
            case SimdOperator.Pointwise: SimdPointwise.RunGroup(group, groups, Lanes, Rows, Columns, Operands, Epilogue); break;
            case SimdOperator.MaxPool2d: SimdPool2d.RunGroup(group, groups, Lanes, isMax: true, Pool, input, output); break;
            case SimdOperator.AveragePool2d: SimdPool2d.RunGroup(group, groups, Lanes, isMax: false, Pool, input, output); break;
            case SimdOperator.Softmax: SimdSoftmax.RunGroup(group, groups, Rows, Columns, input, output); break;
            case SimdOperator.ResizeColumns: SimdResize.Horizontal(Resize, Horizontal, group, groups); break;
            case SimdOperator.ResizeRows: SimdResize.Vertical(Resize, Vertical, input, output, group, groups); break;
            default: throw new UnreachableException();
        }
    }
}
