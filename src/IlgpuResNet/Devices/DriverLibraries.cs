using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;

namespace IlgpuResNet.Devices;

/// <summary>
/// Finds GPU drivers on Linux machines that lack the developers' links: ILGPU loads <c>libcuda.so</c> and <c>libOpenCL.so</c>, but many
/// containers have only <c>libcuda.so.1</c> and <c>libOpenCL.so.1</c>, the names under which drivers are installed.
/// </summary>
internal static class DriverLibraries
{
    /// <summary>ILGPU's name of each library, and the name under which drivers install it.</summary>
    private static readonly (string Name, string Installed)[] Names = [("cuda", "libcuda.so.1"), ("OpenCL", "libOpenCL.so.1")];

    private static readonly Lazy<bool> Installed = new(() => OperatingSystem.IsLinux() && Resolve(typeof(Context).Assembly, Names));

    /// <summary>The names under which ILGPU loads the libraries.</summary>
    internal static IEnumerable<string> ImportedNames => Names.Select(library => library.Name);

    /// <summary>Call it before ILGPU looks for devices, which it does once in a process.</summary>
    public static void Install() => _ = Installed.Value;

    /// <summary>
    /// Leads an assembly's native calls to libraries that exist under their installed name only. A library that the usual search finds, or
    /// that is absent, is left alone; so is an assembly for which the app has set a resolver.
    /// </summary>
    /// <returns>True when native calls are led elsewhere.</returns>
    internal static bool Resolve(Assembly assembly, ReadOnlySpan<(string Name, string Installed)> names)
    {
        var handles = new Dictionary<string, nint>();
        foreach ((string name, string installed) in names)
        {
            if (NativeLibrary.TryLoad(name, assembly, null, out nint usual)) NativeLibrary.Free(usual);
            else if (NativeLibrary.TryLoad(installed, out nint handle)) handles.Add(name, handle);
        }
        if (handles.Count == 0) return false;
        try
        {
            NativeLibrary.SetDllImportResolver(assembly, (name, _, _) => handles.GetValueOrDefault(name));
            return true;
        }
        catch (InvalidOperationException)
        {
            // The app's own resolver decides.
            return false;
        }
    }
}
