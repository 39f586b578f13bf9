namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Reads pickled modules: those of <c>torch.save(model)</c> by their dicts of parameters, buffers and modules, and those of
/// <c>torch.jit.save</c> by their attributes. Their code is not read.
/// </summary>
internal static class TorchModules
{
    private const int DeepestModule = 32;
    private const int BytesPerModule = 200;
    private const string Parameters = "_parameters";
    private const string Buffers = "_buffers";
    private const string Modules = "_modules";

    /// <summary>True for an object that is a module.</summary>
    public static bool IsModule(PickleObject value) => value.Class.IsScript || value.Attribute(Modules) is PickleDict
        || value.Attribute(Parameters) is PickleDict;

    /// <summary>True for an object that Python would make a tensor of.</summary>
    public static bool StandsForTensor(PickleValue? value) => value is PickleObject unknown
        && unknown.Class.Module.StartsWith("torch", StringComparison.Ordinal)
        && unknown.Class.Name.StartsWith("_rebuild", StringComparison.Ordinal);

    /// <summary>Describes an object that stands in the place of a tensor.</summary>
    public static string Describe(PickleObject value) => value switch
    {
        { Arguments: [PickleObject { Class.IsUnknownStorage: true } storage, ..] } =>
            $"a {storage.Class.Full}, whose element type is not supported",
        { Class.Kind: TorchGlobalKind.RebuildFromType, Arguments: [_, TorchGlobal type, ..] } =>
            $"{type.Full}, a subclass of torch.Tensor",
        _ => value.Class.Full,
    };

    /// <summary>Adds the tensors of a module and of those inside, in the order in which PyTorch lists them.</summary>
    /// <param name="root">The module.</param>
    /// <param name="budget">Memory that may be allocated.</param>
    /// <param name="set">Receives what the modules say about themselves.</param>
    /// <param name="add">Receives the name and the value of each tensor.</param>
    public static void Walk(PickleObject root, ReadBudget budget, TensorSet set, Action<string, PickleValue> add)
    {
        var pending = new Stack<(PickleObject Module, string Path, int Depth)>();
        pending.Push((root, "", 0));
        while (pending.TryPop(out (PickleObject Module, string Path, int Depth) next))
        {
            (PickleObject module, string path, int depth) = next;
            budget.Charge(BytesPerModule + 2L * path.Length);
            if (depth > DeepestModule) throw new WeightsException($"{budget.Source}: refused: its modules are nested too deeply.");
            set.Modules.TryAdd(path, Facts(module));
            var inner = new List<(PickleObject Module, string Path, int Depth)>();
            foreach (PickleDict dict in Dicts(module))
            {
                foreach ((PickleValue key, PickleValue value) in dict.Items)
                {
                    if (key is not PickleText(var name)) continue;
                    budget.Charge(2L * (path.Length + name.Length));
                    if (value is PickleObject child && IsModule(child)) inner.Add((child, $"{path}{name}.", depth + 1));
                    else if (value is TensorReference || StandsForTensor(value)) add(path + name, value);
                }
            }
            // A stack returns the last first.
            for (int i = inner.Count - 1; i >= 0; i--) pending.Push(inner[i]);
        }
    }

    private static IEnumerable<PickleDict> Dicts(PickleObject module) => module.Class.IsScript
        ? module.State is PickleDict attributes ? [attributes] : []
        : new[] { Parameters, Buffers, Modules }.Select(module.Attribute).OfType<PickleDict>();

    private static ModuleFacts Facts(PickleObject module) => new(module.Class.Name)
    {
        Stride = Number(module, "stride"),
        Dilation = Number(module, "dilation"),
        Groups = Number(module, "groups") ?? Number(module, "num_groups"),
        Epsilon = (module.Attribute("eps") as PickleFloat)?.Value,
    };

    private static int? Number(PickleObject module, string name) => module.Attribute(name) switch
    {
        PickleInteger(>= 0 and <= int.MaxValue and var number) => (int)number,
        PickleTuple([PickleInteger(>= 0 and <= int.MaxValue and var h), PickleInteger(var w)]) when h == w => (int)h,
        _ => null,
    };
}
