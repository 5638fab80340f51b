using System.Security.Cryptography;
using Minio;
using Minio.DataModel.Args;
using Npgsql;

namespace ContinualService.TestKit.Cluster;

/// <summary>Looks behind the service's back, in plain SQL and S3, whether what must always hold does hold. Each finding is one line.</summary>
public sealed class ClusterAudit(ServiceCluster cluster)
{
    private static readonly (string What, string Query)[] Findings =
    [
        ("tasks that did not succeed", """select "Id" || ' ' || "Status" || ' ' || coalesce("FailureMessage", '') from "Tasks" where "Status" <> 'Succeeded'"""),
        ("tasks that were published other than once", """select "TaskId" || ' ' || count(*) from "TaskEvents" where "Type" = 'published' group by "TaskId" having count(*) <> 1"""),
        ("tasks without a published event", """select "Id" from "Tasks" t where not exists (select 1 from "TaskEvents" e where e."TaskId" = t."Id" and e."Type" = 'published')"""),
        ("events that are not numbered 1, 2, ...", """select "TaskId" from "TaskEvents" group by "TaskId" having min("Number") <> 1 or max("Number") <> count(*)"""),
        ("versions with a gap, another parent or another index", """
            select "AdapterId" || ' ' || "Number" from (select *, row_number() over (partition by "AdapterId" order by "Number") as place from "Versions") v
            where "Number" <> place or "TaskIndex" <> place or coalesce("Parent", 0) <> place - 1
            """),
        ("versions out of the order of their tasks", """
            select "AdapterId" || ' ' || "Number" from (select *, row_number() over (partition by "AdapterId" order by "TaskId") as place from "Versions") v where "Number" <> place
            """),
        ("adapters whose head or live alias is not their last version", """
            select a."Id" from "Adapters" a join "Aliases" l on l."AdapterId" = a."Id" and l."Name" = 'live'
            where a."HeadVersion" <> (select max("Number") from "Versions" v where v."AdapterId" = a."Id") or l."VersionNumber" <> a."HeadVersion"
            """),
        ("tasks with another number of successful runs than one", """
            select "TaskId" || ' ' || count(*) filter (where "Outcome" = 'Succeeded') from "Runs" group by "TaskId" having count(*) filter (where "Outcome" = 'Succeeded') <> 1
            """),
        ("runs without an end", """select "Id" from "Runs" where "EndedAt" is null"""),
        ("runs of one adapter under one fencing number, or out of its order", """
            select "Id" from (select *, lag("Fence") over (partition by "AdapterId" order by "StartedAt", "Fence") as before from "Runs") r where before >= "Fence"
            """),
        ("runs of one adapter that overlap", """
            select r."Id" from (select *, lag("EndedAt") over (partition by "AdapterId" order by "Fence") as before from "Runs") r where before > "StartedAt"
            """),
        ("steps written after their run was over", """
            select m."TaskId" || ' ' || m."Step" from "StepMetrics" m join "Runs" r on r."TaskId" = m."TaskId" and r."Attempt" = m."Attempt" where m."CreatedAt" > r."EndedAt"
            """),
        ("leases that nobody let go of", """select "Id" || ' ' || "LeaseOwner" from "Adapters" where "LeaseOwner" is not null"""),
        ("checkpoints of finished tasks", """select "TaskId" from "Checkpoints" """),
    ];

    private const string Named = """
        select "Sha256" from "Datasets" union select "Sha256" from "Versions" union select "StateSha256" from "Versions" union select "Sha256" from "Checkpoints"
        """;

    /// <summary>What is wrong with the rows of a cluster all of whose tasks have ended; empty: nothing.</summary>
    public async Task<IReadOnlyList<string>> RowsAsync()
    {
        var wrong = new List<string>();
        await using var connection = new NpgsqlConnection(cluster.ConnectionString);
        await connection.OpenAsync();
        foreach (var (what, query) in Findings)
        {
            var found = await ColumnAsync(connection, query);
            if (found.Count > 0) wrong.Add($"{what}: {string.Join(", ", found.Take(5))}{(found.Count > 5 ? $" and {found.Count - 5} more" : "")}");
        }

        return wrong;
    }

    /// <summary>Objects that rows name and the store lacks or has with other bytes, and objects that no row names.</summary>
    public async Task<(IReadOnlyList<string> Bad, IReadOnlyList<string> Unnamed)> ObjectsAsync()
    {
        await using var connection = new NpgsqlConnection(cluster.ConnectionString);
        await connection.OpenAsync();
        var named = (await ColumnAsync(connection, Named)).ToHashSet();
        using var client = new MinioClient().WithEndpoint(new Uri(cluster.S3.Endpoint).Authority).WithSSL(false).WithRegion("us-east-1").WithCredentials(cluster.S3.AccessKey, cluster.S3.SecretKey).Build();
        var stored = new Dictionary<string, string>();
        await foreach (var item in client.ListObjectsEnumAsync(new ListObjectsArgs().WithBucket(cluster.Bucket).WithPrefix("objects/").WithRecursive(true)))
            stored[await DigestAsync(client, item.Key)] = item.Key[(item.Key.LastIndexOf('/') + 1)..];
        var good = stored.Where(pair => pair.Key == pair.Value).Select(pair => pair.Key).ToHashSet();
        return ([.. named.Except(good)], [.. stored.Values.Except(named)]);
    }

    /// <summary>State digests of an adapter's versions, in order.</summary>
    public async Task<IReadOnlyList<string>> StatesAsync(string adapterName)
    {
        await using var connection = new NpgsqlConnection(cluster.ConnectionString);
        await connection.OpenAsync();
        return await ColumnAsync(
            connection, """select v."StateSha256" || ' ' || v."Sha256" from "Versions" v join "Adapters" a on a."Id" = v."AdapterId" where a."Name" = $1 order by v."Number" """, adapterName);
    }

    /// <summary>How many runs ended how, of adapters whose name begins so.</summary>
    public async Task<IReadOnlyDictionary<string, long>> RunsAsync(string prefix)
    {
        await using var connection = new NpgsqlConnection(cluster.ConnectionString);
        await connection.OpenAsync();
        const string Query = """
            select r."Outcome" || ' ' || count(*) from "Runs" r join "Adapters" a on a."Id" = r."AdapterId" where a."Name" like $1 group by r."Outcome" order by r."Outcome"
            """;
        return (await ColumnAsync(connection, Query, prefix + "%")).Select(row => row.Split(' ')).ToDictionary(row => row[0], row => long.Parse(row[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>One number of a query. While the database restarts it is asked again.</summary>
    public async Task<long> CountAsync(string query)
    {
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(cluster.ConnectionString);
                await connection.OpenAsync();
                await using var command = new NpgsqlCommand(query, connection);
                return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
            }
            catch (NpgsqlException away) when (away.IsTransient)
            {
                await Task.Delay(100);
            }
        }
    }

    private async Task<string> DigestAsync(IMinioClient client, string key)
    {
        var digest = "";
        await client.GetObjectAsync(new GetObjectArgs().WithBucket(cluster.Bucket).WithObject(key)
            .WithCallbackStream(async (stream, token) => digest = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, token))));
        return digest;
    }

    private static async Task<List<string>> ColumnAsync(NpgsqlConnection connection, string query, params string[] parameters)
    {
        await using var command = new NpgsqlCommand(query, connection);
        foreach (var parameter in parameters) command.Parameters.AddWithValue(parameter);
        await using var reader = await command.ExecuteReaderAsync();
        var values = new List<string>();
        while (await reader.ReadAsync()) values.Add(reader.GetString(0));
        return values;
    }
}
