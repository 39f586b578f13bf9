using System.Collections.Immutable;

namespace IlgpuResNet.Tests.Architecture;

/// <summary>
/// The rooms of the house: what the code in each folder may use. A file that lies in no folder of a project belongs to that project's
/// entrance, which every room above may use.
/// </summary>
internal static class Rooms
{
    public const string Kernels = "gpu-kernels", Library = "src/IlgpuResNet";

    /// <summary>The interface of the kernel families.</summary>
    private const string Families = Kernels;

    private static readonly string[] KernelInterface = [Families, Kernels + "/Shared", Kernels + "/IlgpuExtensions"];

    /// <summary>The rooms that each room may use besides itself.</summary>
    public static ImmutableDictionary<string, ImmutableHashSet<string>> MayUse { get; } = Table();

    /// <summary>The room of a source file, a path from the root of the repository; null where the table has no say.</summary>
    public static string? Of(string path)
    {
        foreach (string project in (string[])[Library, Kernels])
        {
            if (!path.StartsWith(project + "/", StringComparison.Ordinal)) continue;
            string[] rest = path[(project.Length + 1)..].Split('/');
            return rest.Length == 1 ? project : $"{project}/{rest[0]}";
        }
        return null;
    }

    private static ImmutableDictionary<string, ImmutableHashSet<string>> Table()
    {
        var table = new Dictionary<string, string[]>
        {
            [Kernels + "/IlgpuExtensions"] = [],
            [Kernels + "/Shared"] = [Kernels + "/IlgpuExtensions"],
            [Families] = [Kernels + "/Shared", Kernels + "/IlgpuExtensions"],
            [Kernels + "/Tiled"] = KernelInterface,
            [Kernels + "/Simd"] = KernelInterface,
            // The entrance has the exceptions, which every room throws; they clean the text of files that they quote.
            [Library] = [Of("Files")],
            [Of("Files")] = [],
            // The structs of pixel layouts and resampling that kernels take.
            [Of("Pixels")] = [Kernels + "/Shared"],
            [Of("Diagnostics")] = [],
            [Of("Labels")] = [Of("Files")],
            [Of("Devices")] = [.. KernelInterface, Kernels + "/Tiled", Kernels + "/Simd"],
            [Of("Weights")] = [Of("Files")],
            [Of("Graphs")] = [Of("Files"), Of("Weights")],
            [Of("Onnx")] = [Of("Files"), Of("Weights"), Of("Graphs")],
            [Of("Downloads")] = [Of("Files"), Of("Weights"), Of("Diagnostics")],
            [Of("Models")] = Below("Models"),
            [Of("Planning")] = [.. Below("Planning"), .. KernelInterface],
            [Of("Execution")] = [.. Below("Execution"), .. KernelInterface],
            [Of("ActivationMaps")] = [.. Below("ActivationMaps"), .. KernelInterface],
            [Of("Classification")] = [.. Below("Classification"), .. KernelInterface],
        };
        return table.ToImmutableDictionary(row => row.Key, row => row.Value.Append(Library).ToImmutableHashSet());

        static string Of(string room) => $"{Library}/{room}";
    }

    /// <summary>Every room of the library below one of the upper rooms.</summary>
    private static string[] Below(string room)
    {
        string[] order =
        [
            "Files", "Pixels", "Diagnostics", "Labels", "Devices", "Weights", "Graphs", "Onnx", "Downloads", "Models", "Planning",
            "Execution",
            "ActivationMaps", "Classification",
        ];
        // Models are made on machines without a device.
        return [.. order.TakeWhile(other => other != room).Where(other => room != "Models" || other != "Devices").Select(
            other => $"{Library}/{other}")];
    }
}
