using System.Reflection;
using System.Runtime.InteropServices;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>Puts a simulated driver under ILGPU in this process.</summary>
internal static unsafe class Simulator
{
    /// <summary>Name under which ILGPU imports the driver.</summary>
    private const string Library = "cuda";

    private static readonly Lock Gate = new();
    private static nint LibraryHandle;

    /// <summary>The driver that ILGPU calls in this process; null where none was installed.</summary>
    public static SimulatedDriver? Driver { get; private set; }

    /// <summary>
    /// From now on ILGPU finds this driver. It must be called before ILGPU looks for CUDA, which it does once in a process, and in a
    /// process in which nobody else has set a resolver for ILGPU's assembly.
    /// </summary>
    public static void Install(Assembly ilgpu, SimulatedDriver driver)
    {
        Driver = driver;
        NativeLibrary.SetDllImportResolver(ilgpu, (name, _, _) => name == Library ? Load() : 0);
    }

    /// <summary>Loads a shared object whose functions lead to <see cref="Exports"/>.</summary>
    private static nint Load()
    {
        lock (Gate)
        {
            if (LibraryHandle != 0) return LibraryHandle;
            MethodInfo[] exports = [.. typeof(Exports).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)];
            string path = Path.Combine(Path.GetTempPath(), $"simulated-cuda-{Environment.ProcessId}.so");
            File.WriteAllBytes(path,
                SharedObject.Write([.. exports.Select(export => export.Name)], RuntimeInformation.ProcessArchitecture));
            try
            {
                LibraryHandle = NativeLibrary.Load(path);
            }
            finally
            {
                File.Delete(path);
            }
            var table = (nint*)NativeLibrary.GetExport(LibraryHandle, SharedObject.Table);
            for (int i = 0; i < exports.Length; i++) table[i] = exports[i].MethodHandle.GetFunctionPointer();
            return LibraryHandle;
        }
    }
}
