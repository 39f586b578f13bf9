using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The family for the processor, on ILGPU's CPU accelerator: kernels of hardware vectors (AVX-512, AVX2, else 128 bits; single floats where
/// there are none), with one group of one thread per multiprocessor. Open the accelerator as <c>new CPUDevice(2, 1,
/// Environment.ProcessorCount)</c>. The bits of a result depend neither on the number of multiprocessors nor on the place of an image in
/// its batch.
/// </summary>
internal sealed class SimdKernels : IKernelFamily, IStepTimestamps
{
    private readonly int lanes;
    private readonly Accelerator accelerator;
    private readonly SimdProgram program;
    private readonly GCHandle handle;
    private Action<AcceleratorStream, KernelConfig, long>? run;
    private bool gathering;
    private int sequenceGroups;

    /// <summary>Makes the kernels with the widest vectors this machine has.</summary>
    /// <exception cref="NotSupportedException">The accelerator is not ILGPU's CPU accelerator.</exception>
    public SimdKernels(Accelerator accelerator)
        : this(accelerator, SimdWidth.Widest)
    {
    }

    /// <summary>Makes the kernels with vectors of 16, 8, 4 or 1 lanes; .NET emulates vectors that the machine lacks, slowly.</summary>
    internal SimdKernels(Accelerator accelerator, int lanes)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        if (accelerator.AcceleratorType != AcceleratorType.CPU)
            throw new NotSupportedException(
                $"The SIMD kernels run on ILGPU's CPU accelerator only, but '{accelerator.Name}' is a "
                + $"{accelerator.AcceleratorType} device; use the tiled kernels there.");
        this.lanes = lanes;
        Planner = new SimdPlanner(lanes);
        this.accelerator = accelerator;
        Groups = accelerator.NumMultiprocessors;
        program = new SimdProgram(Groups);
        handle = GCHandle.Alloc(program, GCHandleType.Weak);
    }

    /// <summary>Frees the handle by which kernels find the program.</summary>
    ~SimdKernels()
    {
        if (handle.IsAllocated) handle.Free();
    }

    /// <inheritdoc/>
    public string Name => "simd";

    /// <inheritdoc/>
    public bool HostVisible => true;

    /// <summary>Plans for these kernels.</summary>
    public SimdPlanner Planner { get; }

    /// <inheritdoc/>
    IFamilyPlanner IKernelFamily.Planner => Planner;

    /// <summary>Floats of a vector.</summary>
    internal int Lanes => lanes;

    /// <summary>Number of threads that work on a launch, unless its sequence asks for fewer.</summary>
    internal int Groups { get; }

    /// <inheritdoc cref="SimdProgram.Working"/>
    internal Action<int>? Working
    {
        get => program.Working;
        set => program.Working = value;
    }

    /// <inheritdoc/>
    public long[]? Timestamps
    {
        get => program.Timestamps;
        set => program.Timestamps = value;
    }

    /// <inheritdoc/>
    public void Load()
    {
        if (run is not null) return;
        LoadKernel();
        SimdWarmUp.Run(accelerator, lanes);
        // A launch of no steps compiles the launcher.
        run(accelerator.DefaultStream, new KernelConfig(Groups, 1), GCHandle.ToIntPtr(handle));
    }

    /// <inheritdoc/>
    /// <remarks><see cref="Load"/> compiles it.</remarks>
    public Task LoadConv2d(in Conv2dShape shape, in Conv2dMethod method, bool isActivated = false)
    {
        Require(shape, method.Algorithm);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void PackFilter(
        in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct)
    {
        Require(shape, algorithm);
        Require(filter.Length, (long)shape.K * shape.GemmK);
        Require(packed.Length, Planner.PackedFilterLength(shape, algorithm));
        if (algorithm is Conv2dAlgorithm.Direct) SimdFilter.Pack(shape, lanes, filter, packed);
        else WinogradPanels.Pack(shape, algorithm, 2 * lanes, filter, packed);
    }

    /// <inheritdoc/>
    public void Conv2d(
        AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue, Conv2dMethod method = default,
        ArrayView<float> workspace = default)
    {
        Require(shape, method.Algorithm);
        Require(operands.Input.Length, shape.InputLength);
        Require(operands.Filter.Length, Planner.PackedFilterLength(shape, method.Algorithm));
        RequireEpilogue(operands, epilogue, (long)shape.N * shape.P * shape.Q, shape.K);
        Enqueue(stream, method.Algorithm is Conv2dAlgorithm.Direct
            ? SimdConv2d.Step(lanes, shape, operands, epilogue)
            : SimdWinograd.Step(lanes, method.Algorithm, shape, operands, epilogue));
    }

    /// <inheritdoc/>
    public void Pointwise(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue)
    {
        Require(operands.Input.Length, (long)pixels * channels);
        RequireEpilogue(operands, epilogue, pixels, channels);
        if (epilogue.Activation == Activation.PRelu) Require(operands.Filter.Length, channels);
        Enqueue(stream, SimdPointwise.Step(lanes, pixels, channels, operands, epilogue));
    }

    /// <inheritdoc/>
    public void Combine(AcceleratorStream stream, in CombineShape shape, in Operands operands, Epilogue epilogue)
    {
        Require(operands.Input.Length, shape.Length);
        Require(operands.Filter.Length, shape.OtherLength);
        RequireEpilogue(operands, epilogue, (long)shape.N * shape.Pixels, shape.C);
        Enqueue(stream, SimdCombine.Step(lanes, shape, operands, epilogue));
    }

    /// <inheritdoc/>
    public void Select(AcceleratorStream stream, in SelectShape shape, in Operands operands)
    {
        Require(operands.Input.Length, (long)shape.Rows * shape.First * shape.Inner);
        Require(operands.Residual.Length, (long)shape.Rows * shape.Second * shape.Inner);
        Require(operands.Filter.Length, shape.Length);
        Require(operands.Output.Length, (long)shape.Rows * shape.Length * shape.Inner);
        Enqueue(stream, SimdSelect.Step(shape, operands));
    }

    /// <inheritdoc/>
    public void GroupNorm(AcceleratorStream stream, in GroupNormShape shape, in Operands operands, Epilogue epilogue)
    {
        Require(operands.Input.Length, shape.Length);
        RequireEpilogue(operands, epilogue, (long)shape.N * shape.Pixels, shape.C);
        Enqueue(stream, SimdGroupNorm.Step(lanes, shape, operands, epilogue));
    }

    /// <inheritdoc/>
    public void TopK(
        AcceleratorStream stream, int rows, int classes, int k, bool givesIndices, ArrayView<float> input, ArrayView<float> output)
    {
        Require(input.Length, (long)rows * classes);
        Require(output.Length, (long)rows * k);
        Enqueue(stream, SimdTopK.Step(rows, classes, k, givesIndices, input, output));
    }

    /// <inheritdoc/>
    public void MaxPool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        RequirePool(shape, input, output);
        Enqueue(stream, SimdPool2d.MaxStep(lanes, shape, input, output));
    }

    /// <inheritdoc/>
    public void AveragePool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        RequirePool(shape, input, output);
        Enqueue(stream, SimdPool2d.AverageStep(lanes, shape, input, output));
    }

    /// <inheritdoc/>
    public void Softmax(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output)
    {
        Require(input.Length, (long)rows * classes);
        Require(output.Length, (long)rows * classes);
        Enqueue(stream, SimdSoftmax.Step(rows, classes, input, output));
    }

    /// <inheritdoc/>
    public void ResizeColumns(
        AcceleratorStream stream, in HorizontalPass pass, in ResampleAxis axis, ArrayView<byte> pixels, ArrayView<byte> resized)
    {
        Require(pixels.Length, (long)pass.Rows * pass.RowBytes);
        Require(resized.Length, (long)pass.Rows * pass.Columns * FixedPoint.Channels);
        Enqueue(stream, SimdResize.HorizontalStep(pass, axis, pixels, resized));
    }

    /// <inheritdoc/>
    public void ResizeRows(
        AcceleratorStream stream, in VerticalPass pass, in ResampleAxis axis, ArrayView<byte> resized, ArrayView<float> table,
        ArrayView<float> output)
    {
        Require(table.Length, FixedPoint.TableLength);
        Require(output.Length, (long)pass.CropHeight * pass.CropWidth * FixedPoint.Channels);
        Enqueue(stream, SimdResize.VerticalStep(pass, axis, resized, table, output));
    }

    /// <inheritdoc/>
    public void BeginSequence(int? threads = null)
    {
        int groups = threads ?? Groups;
        // More groups than multiprocessors would not run at the same time, and would wait for each other forever.
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1, nameof(threads));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(groups, Groups, nameof(threads));
        program.Clear();
        sequenceGroups = groups;
        gathering = true;
    }

    /// <inheritdoc/>
    public void EndSequence(AcceleratorStream stream)
    {
        gathering = false;
        Launch(stream, sequenceGroups);
    }

    [MemberNotNull(nameof(run))]
    private void LoadKernel() => run = accelerator.LoadKernel<long>(SimdProgramKernel.Kernel);

    private void Enqueue(AcceleratorStream stream, in SimdStep step)
    {
        program.Add(step);
        if (!gathering) Launch(stream, Groups);
    }

    /// <summary>Runs the program, which has ended when the CPU accelerator's launch returns.</summary>
    private void Launch(AcceleratorStream stream, int groups)
    {
        if (run is null) LoadKernel();
        run(stream, new KernelConfig(groups, 1), GCHandle.ToIntPtr(handle));
        program.Finish();
        // The kernel finds the program through a weak handle that this instance's finalizer frees.
        GC.KeepAlive(this);
    }

    // Kernels use raw pointers: a view that is too short would crash the process instead of failing the call.
    private void Require(long length, long needed, [CallerArgumentExpression(nameof(length))] string? name = null)
    {
        if (needed > int.MaxValue)
            throw Refuse($"{name} would be {needed}, kernels index at most {int.MaxValue} floats; use a smaller batch or image.");
        if (length < needed)
            throw Refuse($"{name} is {length} floats, the shape needs {needed}; pass a view of the whole tensor.");
    }

    /// <summary>Forgets the sequence, because it must not run without the refused step, and makes the exception.</summary>
    private ArgumentException Refuse(string message)
    {
        program.Clear();
        gathering = false;
        return new ArgumentException(message);
    }

    private void Require(in Conv2dShape shape, Conv2dAlgorithm algorithm)
    {
        if (Planner.Refusal(shape, algorithm) is { } refusal) throw Refuse(refusal);
    }

    private void RequireEpilogue(in Operands operands, Epilogue epilogue, long pixels, int channels)
    {
        Require(operands.Scale.Length, channels);
        Require(operands.Shift.Length, channels);
        Require(operands.Output.Length, pixels * channels);
        if (epilogue.HasResidual != 0) Require(operands.Residual.Length, pixels * channels);
    }

    private void RequirePool(in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        Require(input.Length, shape.InputLength);
        Require(output.Length, shape.OutputLength);
    }
}
