#!/usr/bin/env bash
# Packs the engine's tests and the benchmarks for a GPU machine that has Python's torch but neither .NET nor TorchSharp-cuda-linux (docs/performance.md).
# Usage: tools/gpu/package.sh ARCHIVE.tar.xz      there: tar -xJf ARCHIVE.tar.xz && ./package/run.sh tests|bench ...
set -euo pipefail
archive=$(realpath -m "${1:?the archive to write is missing}")
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
app=$folder/package/app

# Self-contained: the .NET runtime comes along. Both into one folder, which they nearly fill with the same files.
for project in tests/Engine.Tests bench; do
  dotnet publish "$project" -c Release --nologo -v quiet --self-contained true -o "$app"
done

# libtorch is the machine's own; the shim is the package's as it came, since the copy may have been re-pointed for this host's older C++ library.
rm -rf "$app"/{libtorch*,libc10*,libgomp*,libshm*,libaoti*,libbackend*,libjitbackend*,libnnapi*,*.pdb,wwwroot}
packages=${NUGET_PACKAGES:-$HOME/.nuget/packages}
version=$(sed -n 's/.*Include="TorchSharp" Version="\([^"]*\)".*/\1/p' Directory.Packages.props)
cp "$packages/torchsharp/$version/runtimes/linux-x64/native/libLibTorchSharp.so" "$app/"

# What the programs look for in a checkout.
mkdir -p "$folder/package/bench/Training"
cp bench/Training/peer.py "$folder/package/bench/Training/"
cp -r ContinualService.sln models samples "$folder/package/"
cp tools/gpu/run.sh "$folder/package/"
tar -C "$folder" -cf - package | xz -T0 -6 >"$archive"
du -h "$archive"
