using ContinualService.Api;
using ContinualService.Api.Adapters;
using ContinualService.Api.Datasets;
using ContinualService.Api.Errors;
using ContinualService.Api.Models;
using ContinualService.Api.OpenAi;
using ContinualService.Api.Requests;
using ContinualService.Api.Swagger;
using ContinualService.Api.Tasks;
using ContinualService.Api.Tenants;
using ContinualService.Infrastructure;
using ContinualService.Infrastructure.Health;
using ContinualService.Worker;

var builder = WebApplication.CreateBuilder(OperatorCommands.Settings(args));
builder.ListenOnLoopbackByDefault().LogQuietlyByDefault();
builder.Services
    .AddInfrastructure(builder.Configuration)
    .AddErrorHandling()
    .AddBodyLimit(builder.Configuration)
    .AddTenants(builder.Configuration)
    .AddEmbeddedWorker(builder.Configuration)
    .AddModels()
    .AddDatasets()
    .AddAdapters()
    .AddTasks()
    .AddOpenAi()
    .AddSwaggerDocument();

var app = builder.Build();
if (await OperatorCommands.RunAsync(app.Services, args, Console.Out, Console.Error) is { } exitCode) return exitCode;

app.UseErrorHandling();
app.UseBodyLimit();
app.UseAuthentication();
app.UseAuthorization();
app.UseSwaggerDocument();
app.MapStartPage();
app.MapHealth();
app.MapModels();
app.MapDatasets();
app.MapAdapters();
app.MapTasks();
app.MapAudit();
app.MapOpenAi();

return await app.RunToTheEndAsync();
