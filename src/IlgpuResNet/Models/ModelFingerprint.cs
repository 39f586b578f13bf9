using System.IO.Hashing;
using System.Text;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>Hashes all that a model's outputs depend on.</summary>
internal static class ModelFingerprint
{
    /// <summary>See <see cref="Model.Fingerprint"/>.</summary>
    public static string Of(Model model)
    {
        var hash = new XxHash128();
        foreach (StateTensor tensor in model.Weights.Values)
        {
            Append(hash, $"{tensor.Name} {tensor.DataType} {FileText.Shape(tensor.Shape)}");
            tensor.WriteTo(hash, static (piece, target) => target.Append(piece));
        }
        if (model is ResNet resNet) Append(hash, resNet.Config.ToString());
        else hash.Append(File.ReadAllBytes(model.Weights.Source));
        Append(hash, model.Preset.ToString());
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static void Append(XxHash128 hash, string text) => hash.Append(Encoding.UTF8.GetBytes(text));
}
