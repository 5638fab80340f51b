using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace ContinualService.Demo;

/// <summary>The few calls of the service that the demo makes: plain HTTP, as any client would.</summary>
internal sealed class ServiceClient(HttpClient http)
{
    public async Task<JsonNode> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    public async Task<JsonNode> PostAsync(string path, JsonNode body, CancellationToken cancellationToken)
    {
        using var content = new StringContent(body.ToJsonString(), MediaTypeHeaderValue.Parse("application/json"));
        using var response = await http.PostAsync(new Uri(path, UriKind.Relative), content, cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    /// <summary>Sends one task as the multipart form of POST /tasks.</summary>
    public async Task<JsonNode> SubmitTaskAsync(
        string adapter, DemoTask task, string folder, JsonObject hyperparameters, CancellationToken cancellationToken)
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent(adapter), "adapter" },
            { new StringContent(task.Name), "name" },
            { new StringContent(hyperparameters.ToJsonString()), "hyperparameters" },
            { new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(folder, task.Train), cancellationToken)), "file", task.Train },
            {
                new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(folder, task.Evaluation), cancellationToken)),
                "evaluationFile", task.Evaluation
            },
        };
        using var response = await http.PostAsync(new Uri("/tasks", UriKind.Relative), form, cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new DemoException($"{response.RequestMessage?.Method} {response.RequestMessage?.RequestUri}: {(int)response.StatusCode}\n{text}");
        return JsonNode.Parse(text) ?? throw new DemoException("the service answered with an empty body");
    }
}
