using System.Net;
using System.Net.Sockets;

namespace ContinualService.Api.Webhooks;

/// <summary>
/// Keeps deliveries out of the service's own network: a tenant chooses the address, and must not reach through the service what it cannot reach itself.
/// The name is resolved here and the connection goes to the very addresses that were looked at, so that a name whose answer changes in between gains nothing.
/// </summary>
internal sealed class AddressGuard(bool allowPrivate)
{
    private static readonly IPNetwork[] PrivateIPv4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(text => IPNetwork.Parse(text)),
    ];

    private static readonly IPNetwork GlobalIPv6 = IPNetwork.Parse("2000::/3");

    // Of the global ones these lead to IPv4 addresses of anybody's choice (Teredo, 6to4) or nowhere (protocol assignments, documentation).
    private static readonly IPNetwork[] OddIPv6 = [IPNetwork.Parse("2001::/23"), IPNetwork.Parse("2001:db8::/32"), IPNetwork.Parse("2002::/16"), IPNetwork.Parse("3fff::/20")];

    /// <summary>Whether anybody on the Internet could reach the address as well.</summary>
    public static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetwork
            ? !PrivateIPv4.Any(network => network.Contains(address))
            : GlobalIPv6.Contains(address) && !OddIPv6.Any(network => network.Contains(address));
    }

    /// <summary>Whether deliveries may go to the address.</summary>
    public bool Allows(IPAddress address) => allowPrivate || IsPublic(address);

    /// <summary>Opens the connection of a request; for <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    /// <exception cref="HttpRequestException">The name leads to an address that is not allowed, or nowhere.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = await Dns.GetHostAddressesAsync(host, cancellationToken);
        // One is enough to refuse: an honest name has no private address beside its public ones.
        if (addresses.Length == 0 || !addresses.All(Allows)) throw new HttpRequestException($"'{host}' has an address that is not public; webhooks go to public addresses alone.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
