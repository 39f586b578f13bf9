using System.Diagnostics;

namespace IlgpuResNet.Tests;

/// <summary>These tests in a process of their own, with other arguments.</summary>
internal static class OwnProcess
{
    /// <summary>
    /// Started as this process was: by <c>dotnet</c>, or as the executable that carries its own .NET, where none need be installed.
    /// </summary>
    public static ProcessStartInfo StartInfo(params string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string assembly = typeof(OwnProcess).Assembly.Location;
        bool isOwnProgram = Path.GetFileNameWithoutExtension(program) == Path.GetFileNameWithoutExtension(assembly);
        return new ProcessStartInfo(isOwnProgram ? program : "dotnet", isOwnProgram ? arguments : [assembly, .. arguments])
        {
            RedirectStandardOutput = true,
        };
    }
}
