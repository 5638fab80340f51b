using System.Text.Json.Nodes;
using ContinualService.Engine.Text;
using Xunit;

namespace ContinualService.Engine.Tests.Text;

/// <summary>The language beyond what the conformance templates use; the expected texts are what Jinja2 3.1 gives.</summary>
public sealed class ChatTemplateTests
{
    [Theory]
    [InlineData("{{ [1, 2.0, none, true, \"a'b\", {'k': ()}] }}", "[1, 2.0, None, True, \"a'b\", {'k': ()}]")]
    [InlineData("{{ 7//2 }} {{ -7//2 }} {{ -7%3 }} {{ 1/2 }} {{ 2**10 }} {{ 2**-1 }} {{ 1e16 }} {{ 0.1+0.2 }}", "3 -4 2 0.5 1024 0.5 1e+16 0.30000000000000004")]
    [InlineData("{{ 1 < 2 < 3 }} {{ 'x' not in ['x'] }} {{ 1 == 1.0 }} {{ [1,2] < [1,3] }}", "True False True True")]
    [InlineData("{{ 'aé😀b'[::-1] }} {{ 'é😀'|length }} {{ 'é😀b'[-1] }} {{ 'abc'[1:100] }}", "b😀éa 2 b bc")]
    [InlineData("[{{ nope }}] {{ nope is defined }} {{ nope|length }} [{{ 'a' if false }}] {{ not nope }}", "[] False 0 [] True")]
    [InlineData("{% set ns = namespace(a=1) %}{% set x = 1 %}{% for i in [1,2] %}{% set ns.a = ns.a + i %}{% set x = 5 %}{% endfor %}{{ ns.a }}{{ x }}", "41")]
    [InlineData("{% for i in range(9) if i % 2 %}{% if i == 7 %}{% break %}{% endif %}{% if i == 3 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "15")]
    [InlineData("{% macro m(a, b='x') %}[{{ a }}|{{ b }}|{{ varargs }}|{{ kwargs }}]{% endmacro %}{{ m(1) }}{{ m(1, 2, 3, z=5) }}", "[1|x|()|{}][1|2|(3,)|{'z': 5}]")]
    [InlineData("{% macro m(t) %}<{{ caller(1) }}>{% endmacro %}{% call(z) m('p') %}body {{ z }}{% endcall %}", "<body 1>")]
    [InlineData("{% set b | upper %} abc {% endset %}[{{ b }}]", "[ ABC ]")]
    [InlineData("  {% if true %}\n  a\n  {% endif %}\n  b\n", "  a\n  b")]
    [InlineData("a {%- if true -%}  b  {%- endif %} c", "ab c")]
    [InlineData("a\n  {#- c -#}\n b", "ab")]
    [InlineData("{% raw %}{{ x }}{% endraw %}", "{{ x }}")]
    [InlineData("{{ {'b': 1, 'a': [none, 'é\"']}|tojson }} {{ {'b': 1, 'a': '<é'}|tojson(ensure_ascii=true, sort_keys=true) }}", "{\"b\": 1, \"a\": [null, \"é\\\"\"]} {\"a\": \"<\\u00e9\", \"b\": 1}")]
    [InlineData("{{ [[], {'a': 1}]|tojson(indent=2) }}", "[\n  [],\n  {\n    \"a\": 1\n  }\n]")]
    [InlineData("{{ ('<a>'|safe) + '<b>' }} {{ ('<a>'|safe) ~ '<b>' }}", "<a>&lt;b&gt; <a><b>")]
    [InlineData("{{ messages|map(attribute='role')|join(',') }} {{ messages|selectattr('role', 'equalto', 'user')|list|length }} {{ {'b':1,'a':2}|dictsort }}", "system,user 1 [('a', 2), ('b', 1)]")]
    [InlineData("{{ {'a':1}.get('b') }} {{ {'items':1}['items'] }} {{ {'a':1}.items() }} {{ messages[0].nope is defined }}", "None 1 dict_items([('a', 1)]) False")]
    [InlineData("{{ '%s %05.1f' % ('a', 0.25) }} {{ '{0!r:>5}|{b:.2f}'.format('x', b=2.345) }} {{ 2.5|round }}", "a 000.2   'x'|2.35 2.0")]
    [InlineData("{{ strftime_now('%d %b %Y %-d %I %p %j') }}", "06 Jul 2024 6 03 PM 188")]
    [InlineData("{{ 1 ~ 2 * 3 }} {{ 'A' ~ 'b'|lower }} {{ 1 is not none and 2 is defined }} {{ 4 is divisibleby 2 }}", "16 Ab True True")]
    public void Render_Expressions_EqualJinja2(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("a\n{% if true %}\nb", 3, "endif")]
    [InlineData("{{ 1 + }}", 1, "unexpected")]
    [InlineData("\n{{ 'open }}", 2, "never closed")]
    [InlineData("{% include 'x' %}", 1, "not supported")]
    [InlineData("{% unknown %}", 1, "unknown")]
    [InlineData("{{ (1] }}", 1, "expected ')'")]
    public void Parse_BadTemplate_NamesLineAndFault(string template, int line, string reason)
    {
        var failure = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template));
        Assert.Equal(line, failure.Line);
        Assert.Contains(reason, failure.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n{{ nope.x }}", "'nope' is undefined")]
    [InlineData("\n{{ messages[0].nope.x }}", "'dict object' has no attribute 'nope'")]
    [InlineData("\n{{ 'a' + 1 }}", "unsupported operand")]
    [InlineData("\n{{ [].append(1) }}", "unsafe")]
    [InlineData("\n{{ ''.__class__.__mro__ }}", "no attribute '__class__'")]
    [InlineData("\n{{ 'a'|nofilter }}", "no filter named 'nofilter'")]
    [InlineData("\n{{ raise_exception('no') }}", "no")]
    [InlineData("\n{% break %}", "outside a loop")]
    public void Render_Error_NamesLineAndFault(string template, string reason)
    {
        var failure = Assert.Throws<ChatTemplateException>(() => Render(template));
        Assert.Equal(2, failure.Line);
        Assert.Contains(reason, failure.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ 'a' * 10000000000 }}")]
    [InlineData("{{ range(1000000) }}")]
    [InlineData("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}")]
    [InlineData("{{ 9 ** 999999 }}")]
    [InlineData("{{ 'aaaa'.replace('', 'b' * 9999999) }}")]
    [InlineData("{{ '%999999999d' % 1 }}")]
    [InlineData("{{ 'a'.center(999999999) }}")]
    public void Render_RunawayTemplate_IsStopped(string template) =>
        Assert.Throws<ChatTemplateException>(() => Render(template));

    [Fact]
    public void Parse_DeepNesting_IsAnErrorNotACrash()
    {
        foreach (var nest in new[] { "(", "[", "not ", "-", "{1:" })
            Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat(nest, 200_000)) + " }}"));
        Assert.Throws<ChatTemplateException>(() => Render("{{ " + string.Concat(Enumerable.Repeat("1 + ", 200_000)) + "1 }}"));
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(string.Concat(Enumerable.Repeat("{% if 1 %}", 200_000))));
    }

    [Fact]
    public void Render_GenerationBlock_SpansAreUtf16Offsets()
    {
        var rendered = ChatTemplate.Parse("😀{% generation %}ab{% endgeneration %}c").Render(new ChatRenderRequest { Messages = [] });
        Assert.Equal([(2, 4)], rendered.GenerationSpans);
    }

    private static string Render(string template) => ChatTemplate.Parse(template).Render(new ChatRenderRequest
    {
        Messages = [Message("system", "s"), Message("user", "u")],
        Now = new DateTimeOffset(2024, 7, 6, 15, 4, 9, TimeSpan.Zero),
    }).Text;

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
