# syntax=docker/dockerfile:1
# The service on CPUs: API, worker and the preparation step are one image with three commands.
#   docker build -t continual-service:1.0.0 .

FROM mcr.microsoft.com/dotnet/sdk:10.0.401-noble AS build
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /source
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props BannedSymbols.txt .editorconfig ./
COPY build/ build/
COPY tools/native-compat/ tools/native-compat/
COPY src/ src/
# Both programs share one folder, so that libtorch is in the image once. The Worker's publish adds its start files alone: all else comes once more with the Api, which refers to it, compiled ahead of time.
RUN dotnet restore src/Api --locked-mode
RUN dotnet publish src/Worker -c Release --no-restore -o /publish -p:UseAppHost=false -p:RunAnalyzers=false -p:PublishReadyToRun=false
RUN dotnet publish src/Api -c Release --no-restore -o /publish -p:UseAppHost=false -p:RunAnalyzers=false

FROM mcr.microsoft.com/dotnet/aspnet:10.0.12-noble AS runtime
# tcmalloc: training runs 1.3 times as fast as with the C library's allocator.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libtcmalloc-minimal4t64 \
    && rm -rf /var/lib/apt/lists/*
# Scratch files are the only thing a process writes: with a data volume and /tmp, the root file system can be read-only.
RUN install -d -o $APP_UID -g $APP_UID /data
COPY --chmod=755 deploy/health-check.sh /usr/local/bin/health-check
COPY models/ /models/
COPY NOTICE /app/NOTICE
COPY --from=build /publish/ /app/
WORKDIR /app
ENV ASPNETCORE_HTTP_PORTS=5080 \
    Worker__Urls=http://+:5081 \
    Data__Root=/data \
    Models__Root=/models \
    DOTNET_EnableDiagnostics=0
EXPOSE 5080 5081
VOLUME /data
USER $APP_UID
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=6 CMD ["health-check", "5080", "/health/live"]
ENTRYPOINT ["dotnet"]
CMD ["ContinualService.Api.dll"]
