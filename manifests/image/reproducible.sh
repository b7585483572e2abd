#!/usr/bin/env bash
# Builds what is committed in two folders of different names and lengths, with target folders of their own, and
# compares the binaries. Two release builds: minutes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folders=("$work/one" "$work/another/and/longer")
for folder in "${folders[@]}"; do
  mkdir -p "$folder/src" && git archive HEAD | tar -x -C "$folder/src"
  env -u CARGO_TARGET_DIR make --no-print-directory -C "$folder/src" static CACHE="$folder/cache" STATIC="$folder/keymount"
  rm -rf "$folder/cache"
done
sums=$(cd / && sha256sum "${folders[@]/%//keymount}")
echo "$sums"
if [[ $(cut -d' ' -f1 <<<"$sums" | sort -u | wc -l) != 1 ]]; then
  echo "reproducible.sh: the two binaries differ" >&2
  exit 1
fi
echo "the same, byte for byte"
