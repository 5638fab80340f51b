# Shared by ./demo and ./test: what both need before they start.

say() { printf '\n== %s\n' "$*"; }

require_dotnet() {
  if ! command -v dotnet >/dev/null 2>&1; then
    echo "The .NET SDK 10 is missing. Install it (https://learn.microsoft.com/dotnet/core/install/linux), then run this again." >&2
    exit 1
  fi
  if ! dotnet --version >/dev/null 2>&1; then
    echo "The .NET SDK here is older than global.json asks for. Install .NET SDK 10.0.400 or newer, then run this again:" >&2
    dotnet --version >&2
    exit 1
  fi
  case "$(uname -sm)" in
    "Linux x86_64") ;;
    *) echo "This build is for Linux on x86-64; this machine is $(uname -sm)." >&2; exit 1 ;;
  esac
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=1
}
