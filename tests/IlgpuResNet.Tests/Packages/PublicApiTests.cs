using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>
/// The types that users may see. The members of the other assemblies stand in their <c>PublicAPI.*.txt</c>, which an analyzer checks.
/// </summary>
[TestClass]
public sealed class PublicApiTests
{
    [TestMethod]
    public void The_kernels_show_nothing() => Assert.IsEmpty(typeof(Conv2dShape).Assembly.GetExportedTypes());
}
