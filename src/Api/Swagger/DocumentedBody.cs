using ContinualService.Api.Requests;

namespace ContinualService.Api.Swagger;

/// <summary>Endpoint metadata: what Swagger shows of a body that the endpoint reads itself.</summary>
/// <param name="ExampleJson">An example of the JSON body.</param>
/// <param name="Form">The parts of the multipart body; null where there is none.</param>
internal sealed record DocumentedBody(string ExampleJson, FormShape? Form = null);
