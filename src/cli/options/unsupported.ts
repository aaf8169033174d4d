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
  char?: string,
];

const rows: readonly Row[] = [
  ["cpu-rt-period cpu-rt-runtime memory-swappiness kernel-memory", true, "cgroup v1 only", leave],
  ["oom-kill-disable", false, "cgroup v1 only", leave],
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
  ["image-volume", true, "an image's VOLUMEs become anonymous volumes", leave],
  ["init-path", true, "tsman brings its own init", "use --init"],
  [
    "env-host",
    false,
    "it would hand all your variables over",
    "name them with --env NAME or --env 'PREFIX*'",
  ],
  ["env-merge", true, "no templates in values", "write the whole value with --env"],
  [
    "http-proxy",
    false,
    "proxy variables are not passed on",
    "name them with --env http_proxy --env https_proxy",
  ],
  ["passwd", false, "an unknown uid gets an entry", leave],
  ["passwd-entry group-entry hostuser", true, "entries are not configurable", leave],
  ["no-hostname", false, "the container has a /etc/hostname", "mount your own with -v"],
  [
    "hosts-file",
    true,
    "the container gets an /etc/hosts of its own",
    "use --add-host, or --no-hosts and -v",
  ],
  [
    "preserve-fd preserve-fds",
    true,
    "no descriptor beyond 0 to 2 gets inside",
    "use a volume or a socket in one",
  ],
  ["retry retry-delay", true, "broken transfers are retried anyway", leave],
  [
    "cert-dir",
    true,
    "certificates come from the system",
    "add the certificate to the system's, or use NODE_EXTRA_CA_CERTS",
  ],
  ["decryption-key", true, "no encrypted images", leave],
  ["conmon-pidfile", true, "there is no conmon", "use --pidfile"],
  ["personality", true, "no execution domains", leave],
  ["requires", true, "containers do not wait for each other", leave],
  ["rmi", false, "the image stays", "run tsman rmi afterwards"],
  ["sdnotify", true, "readiness is not reported to systemd yet", leave],
  ["seccomp-policy", true, "the default profile is used", "use --security-opt seccomp=FILE"],
  ["shm-size-systemd systemd", true, "no systemd mode", "use --tmpfs /run --tmpfs /tmp"],
  ["chrootdirs rdt-class", true, "no such mechanism", leave],
  ["disable-content-trust", false, "Docker's content trust does not exist here", leave],
  [
    "storage-opt",
    true,
    "a quota for a directory takes root's rights over the file system",
    "use --read-only with --tmpfs TARGET:size=…, or put the store on a file system of that size",
  ],
  ["volume-driver runtime isolation domainname", true, "no such mechanism", leave],
];

/** What of them `update` and `clone` take elsewhere. */
const changed = new Set("cpu-rt-period cpu-rt-runtime memory-swappiness kernel-memory".split(" "));

/** Options of `podman run` and `docker run` that tsman refuses, each with its reason. */
export const unsupportedRunOptions: Readonly<Record<string, UnsupportedSpec>> = Object.fromEntries(
  rows.flatMap(([names, takesValue, reason, hint, char]) =>
    names
      .split(" ")
      .map((name): [string, UnsupportedSpec] => [
        name,
        { kind: "unsupported", takesValue, reason, hint, ...(char !== undefined && { char }) },
      ]),
  ),
);

/** Options of `podman update` and `podman container clone` that tsman refuses. */
export const unsupportedUpdateOptions: Readonly<Record<string, UnsupportedSpec>> =
  Object.fromEntries(Object.entries(unsupportedRunOptions).filter(([name]) => changed.has(name)));
