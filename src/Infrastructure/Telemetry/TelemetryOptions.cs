namespace ContinualService.Infrastructure.Telemetry;

/// <summary>Section <c>Telemetry</c>: where traces go.</summary>
public sealed class TelemetryOptions
{
    public const string Section = "Telemetry";

    /// <summary>Address of an OTLP collector over gRPC, such as <c>http://collector:4317</c>. Null: where the standard variable OTEL_EXPORTER_OTLP_ENDPOINT says; neither: no traces are sent.</summary>
    public Uri? OtlpEndpoint { get; set; }
}
