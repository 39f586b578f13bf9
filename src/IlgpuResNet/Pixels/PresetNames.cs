namespace IlgpuResNet.Pixels;

/// <summary>Names of a preset's choices in files and on the command line: those of the enumerations, in lower case.</summary>
internal static class PresetNames
{
    /// <summary>All names of <see cref="IlgpuResNet.Interpolation"/>, for messages.</summary>
    public static string Interpolations { get; } = string.Join(", ", Enum.GetNames<Interpolation>()).ToLowerInvariant();

    public static string Of<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>The filter of a name; null for any other text.</summary>
    public static Interpolation? Interpolation(string? name) => Parse<Interpolation>(name);

    /// <summary>The channel order of a name; null for any other text.</summary>
    public static ChannelOrder? Channels(string? name) => Parse<ChannelOrder>(name);

    private static T? Parse<T>(string? name)
        where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (Of(value).Equals(name, StringComparison.OrdinalIgnoreCase)) return value;
        }
        return null;
    }
}
