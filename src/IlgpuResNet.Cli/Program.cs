Console.WriteLine("ilgpu-resnet");
