using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace IlgpuResNet.Bench.Ptx;

/// <summary>A kernel as <c>ptxas</c> made it: the resources that its threads need of a multiprocessor, and its disassembly.</summary>
internal sealed record AssembledKernel(int Registers, int SpillBytes, int StackBytes, int SharedBytes, MachineCode Code);

/// <summary>
/// NVIDIA's assembler and disassembler, which need no GPU. Their files go to a folder that <see cref="Dispose"/> deletes.
/// </summary>
internal sealed partial class CudaTools : IDisposable
{
    private const string Assembler = "ptxas", Disassembler = "nvdisasm";

    private readonly string ptxas;
    private readonly string nvdisasm;
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ilgpu-resnet-");
    private int files;

    private CudaTools(string ptxas, string nvdisasm)
    {
        this.ptxas = ptxas;
        this.nvdisasm = nvdisasm;
    }

    /// <summary>Finds both programs in a folder or its <c>bin</c>, or on the path when none is named.</summary>
    /// <exception cref="ResNetException">One is missing.</exception>
    public static CudaTools Find(string? toolFolder)
    {
        string[] places = toolFolder is null
            ? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            : [toolFolder, Path.Combine(toolFolder, "bin")];
        return new CudaTools(Program(Assembler), Program(Disassembler));

        string Program(string name)
        {
            string file = OperatingSystem.IsWindows() ? name + ".exe" : name;
            return places.Select(place => Path.Combine(place, file)).FirstOrDefault(File.Exists)
                ?? throw new ResNetException(
                    $"{name} is not {(toolFolder is null ? "on the path" : $"in '{toolFolder}' or its folder 'bin'")}; "
                    + "it comes with NVIDIA's CUDA toolkit (Debian: nvidia-cuda-toolkit). Name its folder with --cuda-tools.");
        }
    }

    /// <summary>Assembles and disassembles one kernel; several threads may do so at once.</summary>
    /// <param name="ptx">PTX with one entry.</param>
    /// <param name="architecture">Architecture, such as <c>sm_80</c>.</param>
    public AssembledKernel Assemble(string ptx, string architecture)
    {
        string source = Path.Combine(
            folder.FullName, string.Create(CultureInfo.InvariantCulture, $"{Interlocked.Increment(ref files)}.ptx"));
        string cubin = Path.ChangeExtension(source, ".cubin");
        File.WriteAllText(source, ptx);
        string report = Run(ptxas, "-v", $"-arch={architecture}", "-O3", source, "-o", cubin).Error;
        MachineCode code = MachineCode.Parse(Run(nvdisasm, "-c", cubin).Output);
        return new AssembledKernel(
            Number(Registers()), Number(SpillStores()) + Number(SpillLoads()), Number(StackFrame()), Number(SharedMemory()), code);

        int Number(Regex pattern) => pattern.Match(report) is { Success: true, Groups: var groups }
            ? int.Parse(groups[1].Value, CultureInfo.InvariantCulture)
            : 0;
    }

    public void Dispose()
    {
        if (Directory.Exists(folder.FullName)) folder.Delete(recursive: true);
    }

    private static (string Output, string Error) Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? (output, error.Result)
            : throw new ResNetException(
                $"{Path.GetFileName(program)} failed with {process.ExitCode}: {error.Result.ReplaceLineEndings(" ").Trim()}");
    }

    [GeneratedRegex(@"Used (\d+) registers")]
    private static partial Regex Registers();

    [GeneratedRegex(@"(\d+) bytes spill stores")]
    private static partial Regex SpillStores();

    [GeneratedRegex(@"(\d+) bytes spill loads")]
    private static partial Regex SpillLoads();

    [GeneratedRegex(@"(\d+) bytes stack frame")]
    private static partial Regex StackFrame();

    [GeneratedRegex(@"(\d+) bytes smem")]
    private static partial Regex SharedMemory();
}
