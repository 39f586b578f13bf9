using System.Reflection;

namespace IlgpuResNet.Tests.Architecture;

/// <summary>The list of the tests that are left out under Wine names tests that there are.</summary>
[TestClass]
public sealed class PlatformListTests
{
    private const string List = ".ci/not-under-wine";

    private const string CategoryTerm = "TestCategory=", NameTerm = "FullyQualifiedName~";

    private static readonly Lazy<MethodInfo[]> Tests = new(() =>
    [
        .. from type in typeof(PlatformListTests).Assembly.GetTypes()
           where type.IsDefined(typeof(TestClassAttribute), inherit: false)
           from method in type.GetMethods()
           where method.IsDefined(typeof(TestMethodAttribute), inherit: true)
           select method,
    ]);

    [TestMethod]
    public void Tests_left_out_under_Wine_exist_and_have_a_reason()
    {
        string[] lines = [.. File.ReadLines(Path.Combine(SourceHouse.Root, List)).Where(line => !line.StartsWith('#'))];
        Assert.IsNotEmpty(lines);
        Assert.IsEmpty(lines.Where(line => !IsSound(line)));
    }

    [TestMethod]
    public void Lines_without_a_test_or_a_reason_are_found()
    {
        Assert.IsTrue(IsSound($"{NameTerm}.{nameof(PlatformListTests)}.\tA reason."));
        Assert.IsTrue(IsSound($"{CategoryTerm}OpenCL\tA reason."));
        Assert.IsFalse(IsSound($"{NameTerm}.{nameof(PlatformListTests)}.\t"));
        Assert.IsFalse(IsSound($"{NameTerm}.{nameof(PlatformListTests)}.Absent\tA reason."));
        Assert.IsFalse(IsSound($"{CategoryTerm}Absent\tA reason."));
        Assert.IsFalse(IsSound("Category=OpenCL\tA reason."));
    }

    private static bool IsSound(string line) =>
        line.Split('\t') is [{ } term, { Length: > 0 }] && Tests.Value.Any(
            term.StartsWith(CategoryTerm, StringComparison.Ordinal) ? test => CategoriesOf(test).Contains(term[CategoryTerm.Length..])
            : term.StartsWith(NameTerm, StringComparison.Ordinal)
                ? test => FullNameOf(test).Contains(term[NameTerm.Length..], StringComparison.Ordinal)
            : _ => false);

    private static string FullNameOf(MethodInfo test) => $"{test.ReflectedType!.FullName}.{test.Name}";

    private static IEnumerable<string> CategoriesOf(MethodInfo test) =>
        test.GetCustomAttributes<TestCategoryAttribute>().Concat(test.ReflectedType!.GetCustomAttributes<TestCategoryAttribute>())
            .SelectMany(attribute => attribute.TestCategories);
}
