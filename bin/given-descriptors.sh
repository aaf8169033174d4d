# Sourced by bin/tsman, never run: with `root` (the installation) given, says in
# TSMAN_DESCRIPTORS which descriptors the caller has opened.  The engine opens some of its own, so this
# can be seen here only.  This shell has three more: the script, this file, and for the pattern a
# directory that is closed again.
# shellcheck shell=sh disable=SC2154 # root is the caller's
# shellcheck disable=SC3013 # dash, bash and busybox know -ef
TSMAN_DESCRIPTORS=
for descriptor in "/proc/$$/fd/"*; do
  if [ -e "$descriptor" ] && ! [ "$descriptor" -ef "$0" ] &&
    ! [ "$descriptor" -ef "$root/bin/given-descriptors.sh" ]; then
    TSMAN_DESCRIPTORS="$TSMAN_DESCRIPTORS ${descriptor##*/}"
  fi
done
export TSMAN_DESCRIPTORS
