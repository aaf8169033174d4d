/**
 * Commands of Podman and Docker that tsman does not have, and what to do instead.  A command that
 * comes into the catalogue is found there first; `system/service` is that of a group, which goes
 * before the same word anywhere.
 */
const rows: readonly (readonly [names: string, reason: string, hint: string])[] = [
  [
    "build buildx bake builder farm",
    "images cannot be built yet",
    "build with Podman or Docker, push to a registry, and run it from there",
  ],
  [
    "compose stack swarm service",
    "it starts one container at a time",
    "start each with tsman run, and share a network with --network container:NAME",
  ],
  [
    "pod kube play generate quadlet",
    "there are no pods yet",
    "share a network with --network container:NAME",
  ],
  [
    "network",
    "there are no user-defined networks yet",
    "share a network with --network container:NAME",
  ],
  ["volume", "volumes have no commands yet", "run -v NAME:/path makes one"],
  ["secret", "there are no secrets yet", "mount a file with -v ./secret:/run/secrets/name:ro"],
  ["machine context", "containers run on this host only", "run tsman there, with ssh"],
  ["artifact", "images can be pulled, pushed and run only", "use Podman, Docker or skopeo for it"],
  ["checkpoint restore", "containers cannot be frozen to disk", "tsman pause keeps them in memory"],
  ["runlabel", "no command of an image's labels is run", "see them with tsman inspect IMAGE"],
  ["prune", "it is a verb of system, container and image", "use tsman system prune"],
  ["image/scp", "nothing is sent over ssh", "tsman save IMAGE | ssh HOST tsman load"],
  [
    "image/sign",
    "nothing is signed here",
    "sign what was pushed, by the digest that push --digestfile has: cosign sign NAME@DIGEST",
  ],
  [
    "image/trust",
    "the policy is a file",
    "write policy.json beside the file that tsman config path names",
  ],
  ["system/migrate system/renumber", "there is nothing to migrate", "leave it out"],
  [
    "system/service system/connection system/dial-stdio",
    "there is no daemon, and no service that would answer for one",
    "programs take tsman as a library; on another host, run it there with ssh",
  ],
  ["auto-update plugin trust", "there is no such thing here", "see tsman --help"],
];

/**
 * Why a command that others have is not here; undefined for what nobody has.
 *
 * @param group that it is in: `system`; missing: none
 */
export function unsupportedCommand(
  name: string,
  group?: string,
): { readonly reason: string; readonly hint: string } | undefined {
  for (const word of group === undefined ? [name] : [`${group}/${name}`, name]) {
    for (const [names, reason, hint] of rows) {
      if (names.split(" ").includes(word)) return { reason, hint };
    }
  }
  return undefined;
}
