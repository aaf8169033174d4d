import * as z from "zod/mini";
import type { CollectOptions, RunOptions } from "./types.ts";

// The shapes of RunOptions, for programs whose compiler has not seen to them.  What a value means –
// whether there is such a signal, user, path – is checked where it is used.

const text = z.optional(z.string());
const texts = z.optional(z.array(z.string()));
const truth = z.optional(z.boolean());
const whole = z.number().check(z.refine(Number.isSafeInteger));
const amount = z.optional(z.number().check(z.refine((n) => Number.isSafeInteger(n) && n >= 0)));
const whole32 = z.number().check(z.refine((n) => Number.isInteger(n) && n >= 0 && n < 2 ** 32));
const idMap = z.array(
  z.strictObject({ inside: whole32, outside: whole32, count: whole32, isHostId: z.boolean() }),
);
const textByName = z.optional(z.record(z.string(), z.string()));
const portNumber = z.number().check(z.refine((n) => Number.isInteger(n) && n >= 1 && n <= 65_535));
const protocol = z.enum(["tcp", "udp"]);
const words = z.array(z.string());

const mountFlags = z.optional(
  z.array(z.enum(["nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "sync"])),
);
const propagation = z.optional(
  z.enum([
    ...(["private", "rprivate", "slave", "rslave", "shared", "rshared"] as const),
    ...(["unbindable", "runbindable"] as const),
  ]),
);
const mount = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("bind"),
    source: z.string().check(z.minLength(1)),
    target: z.string(),
    readOnly: truth,
    recursive: truth,
    flags: mountFlags,
    propagation,
    chown: truth,
  }),
  z.strictObject({
    type: z.literal("volume"),
    name: text,
    target: z.string(),
    readOnly: truth,
    flags: mountFlags,
    copyUp: truth,
  }),
  z.strictObject({
    type: z.literal("tmpfs"),
    target: z.string(),
    size: amount,
    mode: amount,
    readOnly: truth,
    flags: mountFlags,
    copyUp: truth,
  }),
]);

const otherContainer = z.strictObject({ mode: z.literal("container"), container: z.string() });
const byPath = z.strictObject({
  mode: z.literal("path"),
  path: z.string().check(z.refine((value) => value.startsWith("/"), "is no absolute path")),
});
const network = z.union([
  z.enum(["slirp4netns", "none", "host"]),
  z.strictObject({ mode: z.enum(["none", "host"]) }),
  otherContainer,
  byPath,
  z.strictObject({
    mode: z.literal("slirp4netns"),
    options: z.strictObject({
      allowHostLoopback: truth,
      mtu: amount,
      cidr: text,
      enableIpv6: truth,
      outboundAddr: text,
      outboundAddr6: text,
    }),
  }),
]);
const namespace = z.optional(
  z.union([z.strictObject({ mode: z.enum(["private", "host"]) }), otherContainer, byPath]),
);

const health = z.strictObject({
  test: texts,
  intervalMs: amount,
  timeoutMs: amount,
  startPeriodMs: amount,
  startIntervalMs: amount,
  retries: amount,
  onFailure: z.optional(z.enum(["none", "kill", "restart", "stop"])),
  startup: z.optional(
    z.strictObject({
      test: words,
      intervalMs: amount,
      timeoutMs: amount,
      retries: amount,
      successes: amount,
    }),
  ),
});

const limitNumber = z.optional(whole.check(z.refine((n) => n >= -1)));
const deviceLimits = z.optional(
  z.array(z.strictObject({ path: z.string(), rate: z.number().check(z.refine((n) => n >= 0)) })),
);
const limits = z.strictObject({
  memory: limitNumber,
  memorySwap: limitNumber,
  memoryReservation: amount,
  cpuShares: amount,
  cpuQuota: limitNumber,
  cpuPeriod: amount,
  cpusetCpus: text,
  cpusetMems: text,
  pidsLimit: limitNumber,
  blkioWeight: amount,
  blkioWeightDevice: deviceLimits,
  deviceReadBps: deviceLimits,
  deviceWriteBps: deviceLimits,
  deviceReadIops: deviceLimits,
  deviceWriteIops: deviceLimits,
  conf: textByName,
});
const cgroup = z.strictObject({
  mode: z.optional(z.enum(["enabled", "disabled", "split", "no-conmon"])),
  parent: text,
  isHostNamespace: truth,
  namespace: z.optional(
    z.union([
      z.strictObject({ mode: z.literal("container"), container: z.string() }),
      z.strictObject({ mode: z.literal("path"), path: z.string() }),
    ]),
  ),
  isBestEffort: truth,
});

/** Not by its class: with several contexts in one process (node:vm) there are several. */
function isAbortSignal(value: unknown): boolean {
  return typeof value === "object" && value !== null && "aborted" in value && "onabort" in value;
}

const someFunction = z.optional(z.custom<never>((value) => typeof value === "function"));

/** The compiler sees to it that no option is missing here. */
const shape: { readonly [K in keyof Required<RunOptions>]: z.ZodMiniType } = {
  command: texts,
  entrypoint: texts,
  name: text,
  replace: truth,
  tty: truth,
  env: z.optional(z.record(z.string(), text)),
  unsetEnv: texts,
  unsetEnvAll: truth,
  labels: textByName,
  annotations: textByName,
  mounts: z.optional(z.array(mount)),
  volumesFrom: z.optional(z.array(z.strictObject({ container: z.string(), readOnly: truth }))),
  readOnly: truth,
  readOnlyTmpfs: truth,
  workdir: text,
  user: text,
  groupAdd: texts,
  accounts: z.optional(
    z.strictObject({
      isAdded: truth,
      passwdEntry: text,
      groupEntry: text,
      hostUsers: texts,
    }),
  ),
  personality: z.optional(z.enum(["LINUX", "LINUX32"])),
  chrootDirs: texts,
  requires: texts,
  ports: z.optional(
    z.array(
      z.union([
        portNumber,
        z.strictObject({
          container: portNumber,
          host: z.optional(portNumber),
          hostIp: text,
          protocol: z.optional(protocol),
        }),
      ]),
    ),
  ),
  publishAll: truth,
  expose: z.optional(z.array(z.strictObject({ containerPort: portNumber, protocol }))),
  network: z.optional(network),
  hostname: text,
  addHosts: z.optional(z.array(z.strictObject({ name: z.string(), address: z.string() }))),
  noHosts: truth,
  dns: texts,
  dnsSearch: texts,
  dnsOptions: texts,
  capAdd: texts,
  capDrop: texts,
  security: z.optional(
    z.strictObject({
      noNewPrivileges: truth,
      seccomp: text,
      mask: texts,
      unmask: texts,
      procOptions: texts,
      labels: texts,
      apparmor: text,
    }),
  ),
  privileged: truth,
  quietGuards: truth,
  ulimits: z.optional(z.array(z.strictObject({ name: z.string(), soft: whole, hard: whole }))),
  init: truth,
  imageVolumes: z.optional(z.enum(["ignore", "tmpfs"])),
  pull: z.optional(z.enum(["always", "missing", "never", "newer"])),
  restart: z.optional(
    z.strictObject({
      policy: z.enum(["no", "on-failure", "always", "unless-stopped"]),
      maxRetries: amount,
    }),
  ),
  platform: z.optional(z.strictObject({ os: z.string(), architecture: z.string(), variant: text })),
  cidFile: text,
  pidFile: text,
  monitorPidFile: text,
  stopSignal: text,
  stopTimeout: z.optional(whole),
  timeout: z.optional(z.number().check(z.refine((n) => Number.isSafeInteger(n) && n > 0))),
  shmSize: amount,
  devices: z.optional(
    z.array(
      z.strictObject({
        hostPath: z.string(),
        containerPath: z.string(),
        permissions: z.string(),
      }),
    ),
  ),
  tz: text,
  umask: amount,
  userns: z.optional(
    z.union([
      z.strictObject({ mode: z.enum(["default", "nomap"]) }),
      z.strictObject({ mode: z.literal("keep-id"), uid: amount, gid: amount }),
      z.strictObject({ mode: z.literal("auto"), size: amount, uid: idMap, gid: idMap }),
      z.strictObject({ mode: z.literal("map"), uid: idMap, gid: idMap }),
      z.strictObject({ mode: z.literal("subid"), uid: z.string(), gid: z.string() }),
    ]),
  ),
  pid: namespace,
  ipc: namespace,
  uts: namespace,
  sysctls: textByName,
  disableUserns: truth,
  health: z.optional(health),
  limits: z.optional(limits),
  cgroup: z.optional(cgroup),
  // "passthrough" gives the program descriptors of the caller.
  logDriver: z.optional(z.enum(["k8s-file", "json-file", "journald", "none"])),
  logMaxSize: amount,
  logMaxFiles: amount,
  logPath: text,
  logTag: text,
  oomScoreAdj: z.optional(whole),
  keep: truth,
  signal: z.optional(z.custom<AbortSignal>(isAbortSignal)),
  onProgress: someFunction,
  onWarning: someFunction,
  tlsVerify: truth,
  authFile: text,
  certDir: text,
  lockFile: text,
  credentials: z.optional(z.strictObject({ username: z.string(), password: z.string() })),
};

const schema = z.strictObject(shape);

const processShape: { readonly [K in keyof CollectOptions]-?: z.core.$ZodType } = {
  env: z.optional(z.record(z.string(), z.optional(z.string()))),
  workdir: text,
  user: text,
  privileged: truth,
  terminal: z.optional(z.strictObject({ rows: whole, columns: whole })),
  signal: z.optional(z.custom<AbortSignal>(isAbortSignal)),
  input: z.optional(z.union([z.string(), z.instanceof(Uint8Array)])),
  encoding: z.optional(z.enum(["utf8", "bytes"])),
  maxOutput: z.optional(z.number().check(z.refine((n) => n >= 0))),
};

const processSchema = z.strictObject(processShape);

/**
 * What is wrong with the shape of options; undefined: nothing.
 *
 * @returns where, and what it should be; never a value, which may be a secret.
 */
export function faultOfOptions(options: unknown): string | undefined {
  return faultOf(schema, options);
}

/** The same for those of a program in a container. */
export function faultOfProcess(options: unknown): string | undefined {
  return faultOf(processSchema, options);
}

function faultOf(
  shapes: typeof schema | typeof processSchema,
  options: unknown,
): string | undefined {
  const result = shapes.safeParse(options);
  const [issue] = result.success ? [] : result.error.issues;
  if (issue === undefined) return undefined;
  const where = issue.path.map(String).join(".");
  const at = where === "" ? "" : `${where}: `;
  if (issue.code === "unrecognized_keys") {
    return `${at}there is no option ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
  }
  const expected =
    issue.code === "invalid_type"
      ? `; it has to be of type ${issue.expected}`
      : issue.code === "invalid_value"
        ? `; it has to be one of ${issue.values.map(String).join(", ")}`
        : "";
  return where === "" ? "its options are no object" : `option ${where} is not valid${expected}`;
}
