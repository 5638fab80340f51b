#!/usr/bin/env bash
# Runs what package.sh packed, on the libtorch of the machine's python3.
# Usage: run.sh check | run.sh tests [options of the test program] | run.sh bench training --device cuda ...
set -euo pipefail
app=$(cd "$(dirname "$0")" && pwd)/app
site=$(python3 -c 'import importlib.util, os; print(os.path.dirname(os.path.dirname(importlib.util.find_spec("torch").origin)))')
libraries=$site/torch/lib

# TorchSharp loads libtorch_cuda and its own shim by name; both are found here. The CUDA libraries are packages beside torch.
export LD_LIBRARY_PATH=$libraries$(find "$site/nvidia" -maxdepth 3 -type d -name lib -printf ':%p' 2>/dev/null || true)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export OMP_WAIT_POLICY=PASSIVE

# The shim was built for another version of libtorch: what it wants and does not find would end the process at its first use.
check() {
  local wanted offered
  wanted=$(nm -D --undefined-only "$app/libLibTorchSharp.so" | awk '{print $NF}' | grep -vE '@|^_ITM|^__gmon|^_ZTH' | sort -u)
  offered=$(for library in torch torch_cpu torch_cuda c10 c10_cuda; do nm -D --defined-only "$libraries/lib$library.so" 2>/dev/null || true; done | awk '{print $NF}' | sed 's/@.*//' | sort -u)
  echo "$(wc -l <<<"$wanted") symbols of libtorch wanted; missing:"
  comm -23 <(echo "$wanted") <(echo "$offered") | c++filt
}

case "${1:-}" in
  check) check ;;
  tests) shift; exec "$app/ContinualService.Engine.Tests" "$@" ;;
  bench) shift; exec "$app/ContinualService.Bench" "$@" ;;
  *) echo "usage: run.sh check | tests [options] | bench COMMAND [options]" >&2; exit 2 ;;
esac
