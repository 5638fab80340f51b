namespace ContinualService.Api.Requests;

/// <summary>HEAD of whatever answers GET: the same headers without the body, as download tools, probes and <c>curl -I</c> ask for it.</summary>
internal static class HeadRequests
{
    private static readonly string[] Both = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>What is mapped on the result and takes GET takes HEAD as well; the server itself leaves the body out.</summary>
    public static RouteGroupBuilder AnsweringHead(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("");
        ((IEndpointConventionBuilder)group).Finally(endpoint =>
        {
            // The last one counts.
            if (endpoint.Metadata.OfType<IHttpMethodMetadata>().LastOrDefault() is { HttpMethods: [var only] } && HttpMethods.IsGet(only))
                endpoint.Metadata.Add(new HttpMethodMetadata(Both));
        });
        return group;
    }
}
