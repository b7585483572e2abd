#!/usr/bin/env bash
# The Dockerfile's last stage without docker: an OCI layout of one static binary, put together, validated and
# measured by crane with a registry of its own on loopback.
#
#   oci.sh BINARY FOLDER [PLATFORM]     CRANE_BIN   crane (default: on the PATH)
set -euo pipefail
binary=$1 into=$2 platform=${3:-linux/amd64}
crane=${CRANE_BIN:-crane}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'if [[ -n ${registry:-} ]]; then kill "$registry"; fi; rm -rf "$work"' EXIT

if readelf -l "$binary" | grep -q INTERP; then
  echo "oci.sh: $binary is not static: there is nothing in the image that could load it" >&2
  exit 1
fi
install -D -m 755 "$binary" "$work/root/keymount"
install -D -m 644 "$here/LICENSE" "$work/root/LICENSE"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/ca-certificates.crt"
# The same bytes for the same binary: no times, no names, no order of the disk.
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$work/root" -cf "$work/layer.tar" .

"$crane" registry serve --address 127.0.0.1:0 >"$work/registry.log" 2>&1 &
registry=$!
for _ in {1..100}; do
  port=$(sed -n 's/.*serving on port //p' "$work/registry.log")
  [[ -z $port ]] || break
  sleep 0.1
done
image=127.0.0.1:${port:?the registry does not start}/keymount:built
"$crane" append --insecure --oci-empty-base --platform "$platform" -f "$work/layer.tar" -t "$image" >"$work/append.log" 2>&1
"$crane" mutate --insecure "$image" --tag "$image" --set-platform "$platform" --user 65532:65532 --entrypoint /keymount \
  --label org.opencontainers.image.title=keymount --label org.opencontainers.image.licenses=Apache-2.0 >"$work/mutate.log" 2>&1
"$crane" validate --insecure --remote "$image" 2>&1
rm -rf "$into"
"$crane" pull --insecure --format=oci "$image" "$into"
echo "digest: $("$crane" digest --insecure "$image")"
echo "config: $("$crane" config --insecure "$image")"
echo "binary: $(stat -Lc %s "$binary") bytes; image, compressed: $("$crane" manifest --insecure "$image" | grep -o '"size":[0-9]*' | tr -dc '0-9\n' | paste -sd+ | bc) bytes"
