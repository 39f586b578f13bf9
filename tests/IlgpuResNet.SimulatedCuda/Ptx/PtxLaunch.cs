namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Extents of a grid or a block.</summary>
internal readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    public int Count => checked(X * Y * Z);

    /// <summary>The position of a number counted along x first.</summary>
    public (int X, int Y, int Z) At(int index) => (index % X, index / X % Y, index / (X * Y));
}

/// <summary>One launch of a program: its grid, its arguments and the device's memory.</summary>
internal sealed class PtxLaunch
{
    private const int MostThreads = 1024;

    private readonly byte[][] arguments;

    /// <param name="program">The kernel.</param>
    /// <param name="grid">CTAs.</param>
    /// <param name="block">Threads of a CTA.</param>
    /// <param name="memory">What global addresses lead to.</param>
    /// <param name="arguments">The bytes of each parameter.</param>
    public PtxLaunch(PtxProgram program, Dim3 grid, Dim3 block, AddressSpace memory, byte[][] arguments)
    {
        (Program, Grid, Block, Memory, this.arguments) = (program, grid, block, memory, arguments);
        if (block.Count < 1 || block.Count > Math.Min(MostThreads, program.MaxThreads) || grid.Count < 1)
            throw new PtxException($"{program.Name} cannot be launched with {grid} CTAs of {block} threads");
        if (!arguments.Select(bytes => bytes.Length).SequenceEqual(program.Parameters.Select(parameter => parameter.Length)))
            throw new PtxException(
                $"{program.Name} takes parameters of {string.Join(", ", program.Parameters.Select(p => p.Length))} bytes, "
                + $"not {string.Join(", ", arguments.Select(a => a.Length))}");
        Registers = new ulong[block.Count][];
        for (int t = 0; t < Registers.Length; t++) Registers[t] = new ulong[program.Slots.Length];
    }

    public PtxProgram Program { get; }

    public Dim3 Grid { get; }

    public Dim3 Block { get; }

    public AddressSpace Memory { get; }

    /// <summary>Room for the registers of each thread, used by one CTA after the other.</summary>
    public ulong[][] Registers { get; }

    /// <summary>Runs every CTA.</summary>
    public void Run(Scheduler scheduler)
    {
        foreach (int index in scheduler.Order(Grid.Count)) new Cta(this, index).Run(scheduler);
    }

    /// <summary>Says where a thread lies, given its number in the launch.</summary>
    public string Describe(int thread) => $"thread {Block.At(thread % Block.Count)} of CTA {Grid.At(thread / Block.Count)}";

    /// <summary>A value of the parameter space.</summary>
    public void LoadParameter(PtxThread thread, Instruction i)
    {
        byte[] argument = arguments[i.Parameter];
        if (i.Offset < 0 || i.Offset + i.ElementBytes > argument.Length || i.Offset % i.ElementBytes != 0)
            throw thread.Fault(i, $"reads {i.ElementBytes} bytes at {i.Offset} of a parameter of {argument.Length}");
        thread.Registers[i.Elements[0]] = AddressSpace.Read(argument.AsSpan((int)i.Offset), i);
    }

    public void SetSpecialRegisters(ulong[] registers, int cta, int thread)
    {
        (int X, int Y, int Z) ctaId = Grid.At(cta), threadId = Block.At(thread);
        foreach ((string name, int slot) in Program.SpecialRegisters)
        {
            registers[slot] = (uint)(name switch
            {
                "%tid.x" => threadId.X,
                "%tid.y" => threadId.Y,
                "%tid.z" => threadId.Z,
                "%ctaid.x" => ctaId.X,
                "%ctaid.y" => ctaId.Y,
                "%ctaid.z" => ctaId.Z,
                "%ntid.x" => Block.X,
                "%ntid.y" => Block.Y,
                "%ntid.z" => Block.Z,
                "%nctaid.x" => Grid.X,
                "%nctaid.y" => Grid.Y,
                "%nctaid.z" => Grid.Z,
                _ => throw new PtxException($"{Program.Name}: {name} is no special register that is known here"),
            });
        }
    }
}
