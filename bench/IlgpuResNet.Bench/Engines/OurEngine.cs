namespace IlgpuResNet.Bench.Engines;

/// <summary>This library on the processor.</summary>
internal sealed class OurEngine : IEngine
{
    private readonly Model model;
    private readonly InferenceSession session;
    private readonly float[] images;

    public OurEngine(string path, int batch, int threads)
    {
        ComputeDevice.Cpu.Prepare();
        model = Model.Load(path);
        try
        {
            session = new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { MaxBatch = batch, Threads = threads });
        }
        catch
        {
            model.Dispose();
            throw;
        }
        images = RandomData.Images(batch * session.Input.Length);
        Logits = new float[batch * session.NumClasses];
    }

    public float[] Logits { get; }

    public void Run() => session.Run(images, Logits);

    public void Dispose()
    {
        session.Dispose();
        model.Dispose();
    }
}
