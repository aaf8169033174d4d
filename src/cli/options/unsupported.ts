import type { UnsupportedSpec } from "../option-spec.ts";

const health = "the last five results are kept with the container";
const pods = "there are no pods yet";
const networks = "there are no user-defined networks yet";
const leave = "leave it out";

type Row = readonly [
  names: string,
  takesValue: boolean,
  reason: string,
  hint: string,
  /** What changes nothing: the others' default, or what tsman does. */
  accepted?: readonly string[],
];

const rows: readonly Row[] = [
  ["cpu-rt-period cpu-rt-runtime kernel-memory", true, "cgroup v1 only", leave, ["0"]],
  ["memory-swappiness", true, "cgroup v1 only", leave, ["-1"]],
  ["oom-kill-disable", false, "cgroup v1 only", leave, ["false"]],
  [
    "health-log-destination health-max-log-count health-max-log-size",
    true,
    health,
    "read them with tsman inspect",
  ],
  ["pod pod-id-file", true, pods, "use --network container:NAME to share a network"],
  ["network-alias ip ip6 mac-address", true, networks, leave],
  ["link link-local-ip", true, networks, "use --network container:NAME"],
  [
    "secret",
    true,
    "there are no secrets yet",
    "mount a file with -v ./secret:/run/secrets/name:ro",
  ],
  ["gpus", true, "no Container Device Interface yet", "use --device /dev/…"],
  ["device-cgroup-rule", true, "it needs root", "use --device"],
  ["init-path", true, "tsman brings its own init", "use --init"],
  ["no-hostname", false, "the container has a /etc/hostname", "mount your own with -v", ["false"]],
  [
    "hosts-file",
    true,
    "the container gets an /etc/hosts of its own",
    "use --add-host, or --no-hosts and -v",
  ],
  [
    "preserve-fd",
    true,
    "descriptors are preserved from 3 on",
    "put them there (5<file 3<&5), and use --preserve-fds",
  ],
  ["retry retry-delay", true, "broken transfers are retried anyway", leave],
  ["decryption-key", true, "no encrypted images", leave],
  ["sdnotify", true, "readiness is not reported to systemd yet", leave, ["ignore"]],
  ["shm-size-systemd", true, "no systemd mode", "use --tmpfs /run --tmpfs /tmp"],
  ["systemd", true, "no systemd mode", "use --tmpfs /run --tmpfs /tmp", ["false"]],
  ["rdt-class", true, "no such mechanism", leave],
  [
    "disable-content-trust",
    false,
    "Docker's content trust does not exist here",
    "say which signatures an image needs in policy.json",
    ["true"],
  ],
  [
    "storage-opt",
    true,
    "a quota for a directory takes root's rights over the file system",
    "use --read-only with --tmpfs TARGET:size=…, or put the store on a file system of that size",
  ],
  ["volume-driver", true, "volumes are directories of the store", leave, ["local"]],
  ["isolation", true, "no such mechanism", leave, ["default"]],
  ["runtime domainname", true, "no such mechanism", leave],
];

/** What of them `update` and `clone` take elsewhere. */
const changed = new Set("cpu-rt-period cpu-rt-runtime memory-swappiness kernel-memory".split(" "));

/** Options of `podman run` and `docker run` that tsman refuses, each with its reason. */
export const unsupportedRunOptions: Readonly<Record<string, UnsupportedSpec>> = Object.fromEntries(
  rows.flatMap(([names, takesValue, reason, hint, accepted]) =>
    names
      .split(" ")
      .map((name): [string, UnsupportedSpec] => [
        name,
        { kind: "unsupported", takesValue, reason, hint, accepted },
      ]),
  ),
);

/** Options of `podman update` that tsman refuses. */
export const unsupportedUpdateOptions: Readonly<Record<string, UnsupportedSpec>> =
  Object.fromEntries(Object.entries(unsupportedRunOptions).filter(([name]) => changed.has(name)));

/** Options of `podman container clone` that tsman refuses. */
export const refusedCloneOptions: Readonly<Record<string, UnsupportedSpec>> = Object.fromEntries(
  Object.entries(unsupportedRunOptions).filter(([name]) => changed.has(name) || name === "pod"),
);
