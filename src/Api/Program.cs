using ContinualService.Api;
using ContinualService.Api.Adapters;
using ContinualService.Api.Datasets;
using ContinualService.Api.Errors;
using ContinualService.Api.Forecasts;
using ContinualService.Api.Models;
using ContinualService.Api.OpenAi;
using ContinualService.Api.Operators;
using ContinualService.Api.Previews;
using ContinualService.Api.Replays;
using ContinualService.Api.Requests;
using ContinualService.Api.Serving;
using ContinualService.Api.Storage;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Api.Unlearnings;
using ContinualService.Api.Versions;
using ContinualService.Api.VersionTree;
using ContinualService.Api.Webhooks;
using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Health;
using ContinualService.Infrastructure.Telemetry;
using ContinualService.Worker;

var builder = WebApplication.CreateBuilder(OperatorCommands.Settings(args));
builder.ListenOnLoopbackByDefault().LogQuietlyByDefault();
builder.Services
    .AddInfrastructure(builder.Configuration)
    .AddTelemetry(builder.Configuration, "continual-api")
    .AddErrorHandling()
    .AddBodyLimit(builder.Configuration)
    .AddTenants(builder.Configuration)
    .AddEmbeddedWorker(builder.Configuration)
    .AddModels()
    .AddDatasets()
    .AddAdapters()
    .AddTasks()
    .AddStorageReport()
    .AddVersionTree()
    .AddPreviews()
    .AddForecasts()
    .AddReplays()
    .AddUnlearnings()
    .AddVersions()
    .AddServing(builder.Configuration)
    .AddOpenAi()
    .AddWebhooks()
    .AddQueueDashboard()
    .AddSwaggerDocument();

var app = builder.Build();
if (await OperatorCommands.RunAsync(app.Services, args, Console.Out, Console.Error) is { } exitCode) return exitCode;

app.UseRequestIds();
app.UseErrorHandling();
app.UseBodyLimit();
app.UseMetrics();
app.UseQueueDashboard();
app.UseAuthentication();
app.UseAuthorization();
app.UseSwaggerDocument();

var routes = app.AnsweringHead();
routes.MapStartPage();
routes.MapHealth();
routes.MapModels();
routes.MapDatasets();
routes.MapAdapters();
routes.MapTasks();
routes.MapStorage();
routes.MapVersionTree();
routes.MapPreviews();
routes.MapForecasts();
routes.MapReplays();
routes.MapUnlearnings();
routes.MapVersions();
routes.MapAudit();
routes.MapOpenAi();
routes.MapWebhooks();

return await app.RunToTheEndAsync();
