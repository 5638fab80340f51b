using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using ContinualService.Api.Errors;

namespace ContinualService.Api.Requests;

/// <summary>
/// Binds a JSON object to a request type and reports every field that is unknown or of the wrong kind, not only the first.
/// The request types are also what Swagger shows, so what is documented and what is accepted cannot drift apart.
/// </summary>
internal static class StrictJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.Strict,
        PropertyNameCaseInsensitive = false,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    public static T Bind<T>(JsonObject body, List<FieldError> errors)
        where T : class, new() => (T)BindObject(body, typeof(T), "", errors);

    private static object BindObject(JsonObject body, Type type, string path, List<FieldError> errors)
    {
        var info = Options.GetTypeInfo(type);
        var target = info.CreateObject!();
        var properties = info.Properties.Where(property => property.Set is not null).ToDictionary(property => property.Name);
        foreach (var (name, node) in body)
        {
            var field = path + name;
            if (!properties.TryGetValue(name, out var property))
                errors.Add(new FieldError(null, field, "This field is not known here.", $"Remove it. Allowed: {string.Join(", ", properties.Keys)}."));
            else if (node is not null)
                BindValue(target, property, node, field, errors);
        }

        return target;
    }

    private static void BindValue(object target, JsonPropertyInfo property, JsonNode node, string field, List<FieldError> errors)
    {
        var isRequestType = property.PropertyType.IsClass && property.PropertyType.Namespace!.StartsWith("ContinualService.", StringComparison.Ordinal);
        if (isRequestType && node is JsonObject nested)
        {
            property.Set!(target, BindObject(nested, property.PropertyType, field + ".", errors));
            return;
        }

        try
        {
            property.Set!(target, node.Deserialize(property.PropertyType, Options));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or InvalidCastException)
        {
            // The value is of another JSON kind than the field: the client's error, reported beside the others.
            errors.Add(new FieldError(null, field, $"The value is {KindOf(node)}.", $"Send {Expected(property.PropertyType)}."));
        }
    }

    private static string KindOf(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number of another kind",
        _ => "a boolean",
    };

    private static string Expected(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string)) return "a string";
        if (type == typeof(int) || type == typeof(long)) return "a whole number";
        if (type == typeof(double)) return "a number";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(JsonArray) || type.IsArray) return "an array";
        if (type.IsEnum) return $"one of: {string.Join(", ", Enum.GetNames(type).Select(JsonNamingPolicy.CamelCase.ConvertName))}";
        return "an object";
    }
}
