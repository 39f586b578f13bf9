using System.Diagnostics;

namespace IlgpuResNet.Classification;

/// <summary>
/// Holds the newest frame until it is taken. Three buffers rotate: one is filled, one waits, one is read. Each grows to the largest frame
/// it has held. Any number of threads may post, one takes.
/// </summary>
internal sealed class FrameMailbox
{
    private readonly Lock posting = new();
    private readonly object gate = new();
    private Frame filling = new();
    private Frame waiting = new();
    private Frame reading = new();
    private bool isFull;
    private bool isClosed;
    private long posted;
    private long dropped;

    public long Posted => Interlocked.Read(ref posted);

    public long Dropped => Interlocked.Read(ref dropped);

    /// <summary>Copies a frame, which replaces one that still waits, and returns its number.</summary>
    public long Post(PixelSpan image)
    {
        lock (posting)
        {
            filling.Fill(image, posted);
            lock (gate)
            {
                (filling, waiting) = (waiting, filling);
                if (isFull) dropped++;
                isFull = true;
                Monitor.Pulse(gate);
                return posted++;
            }
        }
    }

    /// <summary>Waits for a frame, which stays unchanged until the next call. Returns null once the mailbox is closed.</summary>
    public Frame? Take()
    {
        lock (gate)
        {
            while (!isFull && !isClosed) Monitor.Wait(gate);
            if (isClosed) return null;
            (waiting, reading) = (reading, waiting);
            isFull = false;
            return reading;
        }
    }

    /// <summary>Closes the mailbox: <see cref="Take"/> returns null from now on.</summary>
    public void Close()
    {
        lock (gate)
        {
            isClosed = true;
            Monitor.Pulse(gate);
        }
    }

    /// <summary>A frame and its memory.</summary>
    internal sealed class Frame
    {
        private byte[] pixels = [];
        private int width;
        private int height;
        private int stride;
        private PixelFormat format;

        public long Number { get; private set; }

        /// <summary>Time of the post (<see cref="Stopwatch.GetTimestamp"/>).</summary>
        public long Posted { get; private set; }

        public PixelSpan Image => new(pixels, width, height, format, stride);

        public void Fill(PixelSpan image, long number)
        {
            Posted = Stopwatch.GetTimestamp();
            Number = number;
            int length = checked((image.Height - 1) * image.Stride + image.Width * image.Format.BytesPerPixel());
            if (pixels.Length < length) pixels = GC.AllocateUninitializedArray<byte>(length);
            image.Pixels[..length].CopyTo(pixels);
            (width, height, stride, format) = (image.Width, image.Height, image.Stride, image.Format);
        }
    }
}
