namespace ContinualService.Pretrain.Corpus;

/// <summary>
/// The classes that classification prompts ask for, and the names they are given: several for each class, so that the base learns to
/// follow the names in the prompt instead of one fixed vocabulary. The answer words of samples/tasks are not among them.
/// </summary>
internal sealed record Labels(string Noun, IReadOnlyDictionary<string, string[]> Names)
{
    /// <summary>Rule of support.txt -> label names.</summary>
    public static readonly Labels Subjects = new("subject", new Dictionary<string, string[]>
    {
        ["t.delivery"] = ["delivery", "shipping", "parcel", "transport"],
        ["t.payment"] = ["payment", "billing", "money", "invoice"],
        ["t.fault"] = ["fault", "technical", "defect", "broken"],
        ["t.account"] = ["account", "login", "access", "password"],
        ["t.return"] = ["return", "refund", "exchange"],
        ["t.question"] = ["question", "product", "information", "advice"],
        ["t.appointment"] = ["appointment", "booking", "calendar"],
        ["t.change"] = ["change", "order", "update"],
    });

    /// <summary>Rule of reviews.txt -> label names.</summary>
    public static readonly Labels Polarity = new("opinion", new Dictionary<string, string[]>
    {
        ["r.good"] = ["positive", "good", "happy", "like", "plus"],
        ["r.bad"] = ["negative", "bad", "unhappy", "dislike", "minus"],
        ["r.mixed"] = ["neutral", "mixed", "so-so", "average", "zero"],
    });

    /// <summary>Rule of everyday.txt -> label names.</summary>
    public static readonly Labels Topics = new("topic", new Dictionary<string, string[]>
    {
        ["e.sport"] = ["sport", "games", "match"],
        ["e.food"] = ["food", "cooking", "meals"],
        ["e.weather"] = ["weather", "climate"],
        ["e.travel"] = ["travel", "trips", "holiday"],
        ["e.music"] = ["music", "songs"],
        ["e.health"] = ["health", "medicine", "body"],
        ["e.money"] = ["money", "business", "finance"],
        ["e.school"] = ["school", "learning", "education"],
        ["e.nature"] = ["nature", "animals", "outdoors"],
        ["e.technology"] = ["technology", "computers", "science"],
        ["e.home"] = ["home", "house", "family"],
        ["e.work"] = ["work", "jobs", "office"],
    });

    /// <summary>Rule of words.txt -> label names.</summary>
    public static readonly Labels Kinds = new("kind", new Dictionary<string, string[]>
    {
        ["animal"] = ["animal", "creature"],
        ["food"] = ["food", "meal"],
        ["drink"] = ["drink"],
        ["color"] = ["color"],
        ["job"] = ["job", "work"],
        ["city"] = ["city"],
        ["device"] = ["device", "machine"],
        ["wear"] = ["clothes", "wear"],
        ["place"] = ["place"],
        ["family"] = ["relative", "family"],
        ["first"] = ["name"],
        ["month"] = ["month"],
    });

    /// <summary>Rule of prompts.txt -> label names.</summary>
    public static readonly Labels Styles = new("style", new Dictionary<string, string[]>
    {
        ["style.formal"] = ["formal", "polite", "official"],
        ["style.informal"] = ["informal", "casual", "friendly"],
    });

    public static readonly IReadOnlyList<Labels> All = [Subjects, Subjects, Polarity, Polarity, Topics, Topics, Kinds, Styles];

    /// <summary>Names without any meaning of their own; the prompt has to say which class each stands for.</summary>
    public static readonly string[] Codes =
        ["A", "B", "C", "D", "E", "1", "2", "3", "4", "5", "X", "Y", "Z", "north", "south", "east", "west", "red", "blue", "green", "yes", "no",
         "gold", "stone", "left", "right", "alpha", "beta", "gamma", "one", "two", "three", "up", "down"];
}
