using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// One operator with its arguments, as a <see cref="SimdProgram"/> keeps it. Each kernel makes its own steps and sets only what it reads.
/// </summary>
internal readonly unsafe struct SimdStep
{
    /// <summary>
    /// The kernel: computes one group's share of a step. It receives the step, the group with its queues, and memory of this group alone,
    /// at least <see cref="ScratchBytes"/>. A function pointer, because a delegate would be allocated for every step.
    /// </summary>
    public required delegate*<in SimdStep, in SimdQueues, void*, void> Kernel { get; init; }

    /// <summary>Scratch memory that each group needs, in bytes.</summary>
    public long ScratchBytes { get; init; }

    /// <summary>Floats of a vector: 16, 8, 4 or 1.</summary>
    public int Lanes { get; init; }

    /// <summary>The convolution.</summary>
    public Conv2dShape Conv { get; init; }

    /// <summary>The convolution's algorithm.</summary>
    public Conv2dAlgorithm Algorithm { get; init; }

    /// <summary>The pool.</summary>
    public Pool2dShape Pool { get; init; }

    /// <summary>Pixels of a point-wise step, rows of a softmax.</summary>
    public int Rows { get; init; }

    /// <summary>Channels of a point-wise step, classes of a softmax.</summary>
    public int Columns { get; init; }

    /// <summary>The operation on two tensors.</summary>
    public CombineShape Combine { get; init; }

    /// <summary>The selection.</summary>
    public SelectShape Select { get; init; }

    /// <summary>The group normalisation.</summary>
    public GroupNormShape GroupNorm { get; init; }

    /// <summary>Number of largest elements of a row, and whether their indices are asked for.</summary>
    public int Largest { get; init; }

    /// <inheritdoc cref="Largest"/>
    public bool GivesIndices { get; init; }

    /// <summary>The bytes of a resize and the weights of its axis.</summary>
    public SimdResizeMemory Resize { get; init; }

    /// <summary>The first pass of a resize.</summary>
    public HorizontalPass Horizontal { get; init; }

    /// <summary>The second pass of a resize.</summary>
    public VerticalPass Vertical { get; init; }

    /// <summary>
    /// The views. Pools, softmax and the second pass of a resize, whose input is its table, use only <see cref="Operands.Input"/> and
    /// <see cref="Operands.Output"/>.
    /// </summary>
    public Operands Operands { get; init; }

    /// <summary>The operations on a result before it is stored.</summary>
    public Epilogue Epilogue { get; init; }

    /// <summary>Operands with an input and an output only.</summary>
    public static Operands InputAndOutput(ArrayView<float> input, ArrayView<float> output) =>
        new(input, default, default, default, default, output);

    /// <summary>Computes one group's share.</summary>
    public void Run(in SimdQueues queues, void* scratch) => Kernel(in this, in queues, scratch);
}
