namespace IlgpuResNet.SimulatedCuda;

/// <summary>Gives driver objects the handles that the host knows them by. A handle is never used twice.</summary>
internal sealed class HandleTable
{
    private const nint Step = 0x100;

    private readonly Dictionary<nint, object> objects = [];
    private readonly HashSet<nint> removed = [];
    private nint last = 0x10000;

    public nint Add(object item)
    {
        last += Step;
        objects.Add(last, item);
        return last;
    }

    /// <summary>The object of a handle; null when it has none of that type.</summary>
    public T? Find<T>(nint handle)
        where T : class => objects.GetValueOrDefault(handle) as T;

    /// <summary>True of a handle whose object was destroyed.</summary>
    public bool WasRemoved(nint handle) => removed.Contains(handle);

    public void Remove(nint handle)
    {
        objects.Remove(handle);
        removed.Add(handle);
    }

    /// <summary>Removes all objects that match.</summary>
    public void Remove(Predicate<object> match)
    {
        foreach (nint handle in objects.Where(pair => match(pair.Value)).Select(pair => pair.Key).ToArray()) Remove(handle);
    }

    public IEnumerable<nint> HandlesOf<T>() => objects.Where(pair => pair.Value is T).Select(pair => pair.Key);

    public IEnumerable<T> All<T>() => objects.Values.OfType<T>();
}
