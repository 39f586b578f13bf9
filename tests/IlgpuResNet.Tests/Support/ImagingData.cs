using System.Globalization;

namespace IlgpuResNet.Tests;

/// <summary>The goldens that <c>data/imaging/make_imaging_goldens.py</c> made, and the images it made them from.</summary>
internal static class ImagingData
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "data", "imaging");

    /// <summary>Rows of a comma-separated file behind its heading.</summary>
    public static IEnumerable<string[]> ReadCsv(string name) =>
        File.ReadLines(Path.Combine(Folder, name)).Skip(1).Select(line => line.Split(','));

    /// <summary>The RGB24 bytes that <c>seeded_image</c> of the script gives.</summary>
    public static byte[] SeededImage(int seed, int width, int height)
    {
        byte[] pixels = new byte[width * height * 3];
        int shift = seed % 4;
        bool twoValued = seed % 3 == 0;
        int i = 0;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int c = 0; c < 3; c++)
                {
                    uint v = (uint)(((y >> shift) * 4096 + (x >> shift)) * 3 + c) + (uint)seed * 0x9E3779B9;
                    v ^= v >> 16;
                    v *= 0x7FEB352D;
                    v ^= v >> 15;
                    v *= 0x846CA68B;
                    v ^= v >> 16;
                    byte value = (byte)(v >> 24);
                    if (twoValued) value = value >= 128 ? byte.MaxValue : byte.MinValue;
                    pixels[i++] = value;
                }
        return pixels;
    }
}

/// <summary>One line of <c>preprocess.csv</c>.</summary>
internal sealed record PreprocessCase(int Seed, int Width, int Height, ImagePreset Preset, string Sha256, byte[] Bytes)
{
    public static IReadOnlyList<PreprocessCase> All { get; } = [.. ImagingData.ReadCsv("preprocess.csv").Select(Parse)];

    public byte[] Image => ImagingData.SeededImage(Seed, Width, Height);

    /// <summary>The bytes of the crop are in the file only when they are few.</summary>
    public bool HasBytes => Bytes.Length > 0;

    public override string ToString() =>
        $"seed {Seed}, {Width}x{Height}, resize {Preset.ResizeSize}, crop {Preset.CropSize}, {Preset.Interpolation}";

    private static PreprocessCase Parse(string[] fields)
    {
        int[] numbers = [.. fields.Take(5).Select(field => int.Parse(field, CultureInfo.InvariantCulture))];
        var preset = new ImagePreset
        {
            ResizeSize = numbers[3],
            CropSize = numbers[4],
            Interpolation = fields[5] == "bicubic" ? Interpolation.Bicubic : Interpolation.Bilinear,
        };
        return new PreprocessCase(numbers[0], numbers[1], numbers[2], preset, fields[6], Convert.FromHexString(fields[7]));
    }
}

/// <summary>One line of <c>presets.csv</c>.</summary>
internal sealed record PresetCase(int Seed, int Width, int Height, ImagePreset Preset, string Sha256)
{
    public static IReadOnlyList<PresetCase> All { get; } = [.. ImagingData.ReadCsv("presets.csv").Select(Parse)];

    public byte[] Image => ImagingData.SeededImage(Seed, Width, Height);

    public override string ToString() => $"seed {Seed}, {Width}x{Height}, {Preset}";

    private static PresetCase Parse(string[] fields)
    {
        int cropHeight = Int(5), cropWidth = Int(6);
        var preset = new ImagePreset
        {
            ResizeSize = Int(3),
            ResizeWidth = fields[4].Length > 0 ? Int(4) : null,
            CropSize = cropHeight,
            CropWidth = cropWidth == cropHeight ? null : cropWidth,
            Interpolation = Enum.Parse<Interpolation>(fields[7], ignoreCase: true),
            Channels = Enum.Parse<ChannelOrder>(fields[8], ignoreCase: true),
            Scale = double.Parse(fields[9], CultureInfo.InvariantCulture),
            Mean = Floats(10),
            Std = Floats(11),
        };
        return new PresetCase(Int(0), Int(1), Int(2), preset, fields[12]);

        int Int(int column) => int.Parse(fields[column], CultureInfo.InvariantCulture);

        (float, float, float) Floats(int column)
        {
            float[] numbers = [.. fields[column].Split(' ').Select(text => float.Parse(text, CultureInfo.InvariantCulture))];
            return (numbers[0], numbers[1], numbers[2]);
        }
    }
}
