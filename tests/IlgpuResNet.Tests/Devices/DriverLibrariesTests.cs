using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using IlgpuResNet.Devices;

namespace IlgpuResNet.Tests;

/// <summary>Libraries that exist under their installed name only are found.</summary>
[TestClass]
public sealed partial class DriverLibrariesTests
{
    private const string Absent = "ilgpuresnet-absent", Links = "ilgpuresnet-links";

    /// <summary>A library of every Linux machine whose name needs the version.</summary>
    private const string Installed = "libm.so.6";

    [TestMethod]
    public void Library_without_the_developers_link_is_found_and_the_apps_resolver_stays()
    {
        if (!OperatingSystem.IsLinux()) Assert.Inconclusive("Only Linux has such links.");
        Assembly assembly = typeof(DriverLibrariesTests).Assembly;
        Assert.IsFalse(
            DriverLibraries.Resolve(assembly, [(Absent, "libilgpuresnet-absent.so.1"), ("c", Installed)]), "absent, or found by itself");
        Assert.IsTrue(DriverLibraries.Resolve(assembly, [(Links, Installed), (Absent, "libilgpuresnet-absent.so.1")]));
        Assert.AreEqual(8.0, Power(2, 3));
        Assert.ThrowsExactly<DllNotFoundException>(() => AbsentPower(2, 3));
        // This time the resolver of an app stands for the first.
        Assert.IsFalse(DriverLibraries.Resolve(assembly, [(Absent, Installed)]));
        Assert.ThrowsExactly<DllNotFoundException>(() => AbsentPower(2, 3));
    }

    [TestMethod]
    public void Ilgpu_imports_drivers_by_the_names_that_are_resolved()
    {
        string[] imported =
        [
            .. typeof(Context).Assembly.GetTypes()
                .SelectMany(
                    type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                .Select(method => method.GetCustomAttribute<DllImportAttribute>()?.Value)
                .OfType<string>().Distinct(),
        ];
        foreach (string name in DriverLibraries.ImportedNames) CollectionAssert.Contains(imported, name);
    }

    [LibraryImport(Links, EntryPoint = "pow")]
    private static partial double Power(double x, double y);

    [LibraryImport(Absent, EntryPoint = "pow")]
    private static partial double AbsentPower(double x, double y);
}
