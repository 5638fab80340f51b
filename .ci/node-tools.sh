# Sourced by .ci/run: installs what tests run with Node.js, pinned with checksums: llama.cpp (the prebuilt CPU binary of an npm package), which loads our GGUF
# files, and the OpenAI API's own client, which drives the service.

command -v npm >/dev/null || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; }
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
  { echo "node-tools: Node.js $(node --version) is too old; install 20 or newer." >&2; exit 1; }
for folder in tests/TestKit/llama tests/EndToEnd/openai; do
  (cd "$folder" && npm ci --no-audit --no-fund --silent)
done
