using System.Runtime.InteropServices;
using ContinualService.TestKit;

namespace ContinualService.Bench.Serving;

/// <summary>
/// llama.cpp through its C interface, out of the prebuilt CPU binary that tests/TestKit/llama installs: no layer between, no sampling but the largest logit.
/// One sequence, one LoRA at a time, which is what its contexts can do.
/// </summary>
internal sealed unsafe class LlamaCppPeer : IDisposable
{
    private const string Folder = "tests/TestKit/llama/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64";
    private const uint DefaultContext = 512;

    private readonly nint _context;
    private readonly nint _model;
    private readonly nint[] _loras;
    private readonly int _vocabularySize;
    private readonly nint _library;
    private readonly delegate* unmanaged<nint, Batch, int> _decode;

    // The parameters are structures that grow from release to release. They are passed on the stack, as the last argument, so that a longer one is taken as well.
    [StructLayout(LayoutKind.Sequential, Size = 1024)]
    private struct Parameters
    {
        public uint First;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Batch
    {
        public int Count;
        public int* Tokens;
        public nint Embeddings;
        public nint Positions;
        public nint SequenceCounts;
        public nint Sequences;
        public nint Logits;
    }

    /// <exception cref="UsageException">The binary is not installed, or is another release than this code knows.</exception>
    public LlamaCppPeer(string modelFile, IReadOnlyList<string> loraFiles, int vocabularySize, int threads)
    {
        var folder = Checkout.PathOf(Folder);
        var file = Directory.Exists(folder) ? Directory.GetFiles(folder, "libllama.v*.so").FirstOrDefault() : null;
        if (file is null) throw new UsageException("llama.cpp is not installed; run: cd tests/TestKit/llama && npm ci");
        _vocabularySize = vocabularySize;
        _library = NativeLibrary.Load(file);
        var backends = NativeLibrary.Load(Directory.GetFiles(folder, "libggml.v*.so")[0]);
        var quiet = (delegate* unmanaged<nint, nint, void>)NativeLibrary.GetExport(_library, "llama_log_set");
        quiet((nint)(delegate* unmanaged<int, nint, nint, void>)&Ignore, 0);
        var load = (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(backends, "ggml_backend_load_all_from_path");
        WithText(folder, text =>
        {
            load(text);
            return 0;
        });

        var modelDefaults = (delegate* unmanaged<Parameters>)NativeLibrary.GetExport(_library, "llama_model_default_params");
        var loadModel = (delegate* unmanaged<nint, Parameters, nint>)NativeLibrary.GetExport(_library, "llama_model_load_from_file");
        _model = WithText(modelFile, text => loadModel(text, modelDefaults()));
        var contextDefaults = (delegate* unmanaged<Parameters>)NativeLibrary.GetExport(_library, "llama_context_default_params");
        var parameters = contextDefaults();
        if (parameters.First != DefaultContext) throw new UsageException("This release of llama.cpp has other defaults than the benchmark knows; install the one of tests/TestKit/llama/package-lock.json.");
        var makeContext = (delegate* unmanaged<nint, Parameters, nint>)NativeLibrary.GetExport(_library, "llama_init_from_model");
        _context = Made(makeContext(_model, parameters), "context");
        var loadLora = (delegate* unmanaged<nint, nint, nint>)NativeLibrary.GetExport(_library, "llama_adapter_lora_init");
        _loras = [.. loraFiles.Select(lora => WithText(lora, text => loadLora(_model, text)))];
        var setThreads = (delegate* unmanaged<nint, int, int, void>)NativeLibrary.GetExport(_library, "llama_set_n_threads");
        setThreads(_context, threads, threads);
        _decode = (delegate* unmanaged<nint, Batch, int>)NativeLibrary.GetExport(_library, "llama_decode");
    }

    /// <summary>Generates with one adapter; the clock is read after the first token, so that reading the prompt can be told from generating.</summary>
    /// <param name="lora">Index of the adapter.</param>
    /// <param name="prompt">Token ids.</param>
    /// <param name="newTokens">At least 1; with the prompt at most 512.</param>
    /// <param name="afterFirst">Called once, after the first token.</param>
    public int[] Generate(int lora, int[] prompt, int newTokens, Action afterFirst)
    {
        Clear();
        Select(lora);
        var tokens = new int[newTokens];
        tokens[0] = Step(prompt);
        afterFirst();
        for (var i = 1; i < newTokens; i++) tokens[i] = Step([tokens[i - 1]]);
        return tokens;
    }

    public void Dispose()
    {
        ((delegate* unmanaged<nint, void>)NativeLibrary.GetExport(_library, "llama_free"))(_context);
        ((delegate* unmanaged<nint, void>)NativeLibrary.GetExport(_library, "llama_model_free"))(_model);
    }

    [UnmanagedCallersOnly]
    private static void Ignore(int level, nint text, nint data)
    {
    }

    private static nint WithText(string text, Func<nint, nint> call)
    {
        var native = Marshal.StringToCoTaskMemUTF8(text);
        try
        {
            return call(native);
        }
        finally
        {
            Marshal.FreeCoTaskMem(native);
        }
    }

    private static nint Made(nint pointer, string what) => pointer != 0 ? pointer : throw new InvalidOperationException($"llama.cpp did not make its {what}.");

    private void Clear()
    {
        var memory = ((delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(_library, "llama_get_memory"))(_context);
        ((delegate* unmanaged<nint, byte, void>)NativeLibrary.GetExport(_library, "llama_memory_clear"))(memory, 1);
    }

    private void Select(int lora)
    {
        var (adapter, scale) = (_loras[lora], 1f);
        var select = (delegate* unmanaged<nint, nint*, nuint, float*, int>)NativeLibrary.GetExport(_library, "llama_set_adapters_lora");
        if (select(_context, &adapter, 1, &scale) != 0) throw new InvalidOperationException("llama.cpp refused the LoRA.");
    }

    /// <summary>The largest logit's token after these.</summary>
    private int Step(int[] tokens)
    {
        fixed (int* first = tokens)
        {
            if (_decode(_context, new Batch { Count = tokens.Length, Tokens = first }) != 0) throw new InvalidOperationException("llama.cpp's step failed.");
        }

        var logits = ((delegate* unmanaged<nint, int, float*>)NativeLibrary.GetExport(_library, "llama_get_logits_ith"))(_context, -1);
        var values = new ReadOnlySpan<float>(logits, _vocabularySize);
        var best = 0;
        for (var id = 1; id < values.Length; id++)
            if (values[id] > values[best]) best = id;
        return best;
    }
}
