namespace IlgpuResNet.Imaging;

/// <summary>Colours of drawings on a white ground. Blue and orange remain distinct to readers who confuse red and green.</summary>
internal static class InkColours
{
    /// <summary>Returns a colour as <c>#rrggbb</c>.</summary>
    public static string OnWhite(Ink ink) => ink switch
    {
        Ink.Muted => "#59636e",
        Ink.Grid => "#c8d0d8",
        Ink.First => "#2f6fde",
        Ink.Second => "#d97706",
        _ => "#1f2328",
    };
}
