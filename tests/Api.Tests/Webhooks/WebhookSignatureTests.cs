using ContinualService.Api.Webhooks;
using Xunit;

namespace ContinualService.Api.Tests.Webhooks;

public sealed class WebhookSignatureTests
{
    // Computed with openssl: printf '%s' 'msg_1.1700000000.{"a":1}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY -binary | base64
    [Fact]
    public void Of_TwoSecrets_IsOneSignatureOfEach()
    {
        var (first, second) = ("whsec_" + Convert.ToBase64String([.. Enumerable.Repeat((byte)1, 32)]), "whsec_" + Convert.ToBase64String([.. Enumerable.Repeat((byte)2, 32)]));

        Assert.Equal("v1,3tN+SMwreJINGaFSPFdhMpE4XGSVaCkC9ee+KquMGGQ= v1,Kz3+tAcb3skS1//M5TakhPM77XkRzpb2hb6Fx61gpiY=", WebhookSignature.Of([first, second], "msg_1", 1_700_000_000, """{"a":1}"""));
    }

    [Fact]
    public void NewSecret_Twice_IsTwoKeysOf32Bytes()
    {
        var (one, other) = (WebhookSignature.NewSecret(), WebhookSignature.NewSecret());

        Assert.NotEqual(one, other);
        Assert.StartsWith("whsec_", one, StringComparison.Ordinal);
        Assert.Equal(32, Convert.FromBase64String(one["whsec_".Length..]).Length);
    }
}
