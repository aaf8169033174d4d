#!/bin/sh
# What bin/tsman-oci, a program, becomes where Bun is not to run it: native/launch-oci.c, which has done
# what is to be done with arguments and environment.
root=${0%/bin/oci-by-node.sh}
# shellcheck source=bin/choose-node.sh
. "$root/bin/choose-node.sh"
[ -f "$root/dist/cli/oci-main.cjs" ] || fail "start: tsman is not built in $root" \
  "run $root/bin/quickstart"
# What these options are for: bin/tsman.
exec "$node" --min-semi-space-size=16 --v8-pool-size=1 --no-maglev --no-turbofan --no-rehash-snapshot \
  --disable-warning=ExperimentalWarning "$root/dist/cli/oci-main.cjs" "$@"
