using System.Text.Json.Nodes;
using ContinualService.Engine.Models;

namespace ContinualService.Engine.Lora;

public static class PeftAdapter
{
    public static (LoraConfig Config, LoraWeights Weights) Load(string folder, Decoder decoder) => throw new NotImplementedException();
    public static void Save(string folder, LoraConfig config, LoraWeights weights, string baseModelName, JsonObject? facts = null) => throw new NotImplementedException();
}
