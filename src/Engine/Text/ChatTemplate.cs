namespace ContinualService.Engine.Text;

/// <summary>A chat template in the subset of Jinja2 that published models use, rendered as transformers renders it.</summary>
public sealed class ChatTemplate
{
    /// <exception cref="ChatTemplateException">The source is no template of the supported subset.</exception>
    public static ChatTemplate Parse(string source) => throw new NotImplementedException();

    /// <summary>Hexadecimal SHA-256 of the template's UTF-8 source.</summary>
    public string Sha256 { get; } = "";

    /// <exception cref="ChatTemplateException">The template refused the conversation, met an error or outgrew its bounds.</exception>
    public RenderedChat Render(ChatRenderRequest request) => throw new NotImplementedException(Sha256);
}
