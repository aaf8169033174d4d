import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "./document.ts";
import {
  seccompActions,
  seccompArchitectures,
  seccompFlagNames,
  seccompOperators,
} from "./runtime-features.ts";
import { propagationTypes, rlimitNumbers } from "./runtime-spec.ts";

// config.json of somebody else's bundle (runtime-spec/config.md, config-linux.md, version 1.2).
// Members that the specification does not have are ignored, as it asks ("Extensibility").

/** A bundle with a thousand mounts has some hundred kilobytes. */
const maxConfigBytes = 16 * 1024 * 1024;

const text = z.string().check(z.refine((value) => !value.includes("\0"), "holds a NUL byte"));
const path = text.check(z.refine((value) => value !== "", "is empty"));
const absolute = path.check(z.refine((value) => value.startsWith("/"), "is no absolute path"));
const texts = z.optional(z.array(text));
const natural = z.number().check(z.minimum(0));
const id = z.int().check(z.minimum(0), z.maximum(0xffff_fffe));
const oneOf = (names: readonly string[]) =>
  z.string().check(z.refine((value) => names.includes(value), "is not known"));

const mappings = z.optional(
  z.array(
    z.object({
      containerID: id,
      hostID: id,
      size: z.int().check(z.minimum(1), z.maximum(2 ** 32)),
    }),
  ),
);

const mount = z.object({
  destination: path,
  type: z.optional(text),
  source: z.optional(text),
  options: texts,
  uidMappings: mappings,
  gidMappings: mappings,
});

// Which there are is not asked here: one that is not known is a warning (config.md, "Linux Process").
const capabilities = z.optional(z.array(text));

const process = z.object({
  terminal: z.optional(z.boolean()),
  consoleSize: z.optional(
    z.object({
      height: z.int().check(z.minimum(0), z.maximum(0xffff)),
      width: z.int().check(z.minimum(0), z.maximum(0xffff)),
    }),
  ),
  user: z._default(
    z.object({
      uid: id,
      gid: id,
      umask: z.optional(z.int().check(z.minimum(0), z.maximum(0o7777))),
      additionalGids: z.optional(z.array(id)),
    }),
    { uid: 0, gid: 0 },
  ),
  args: z
    .array(text)
    .check(z.refine((list) => list.length > 0 && list[0] !== "", "names no program")),
  env: z.optional(
    z.array(text.check(z.refine((value) => value.indexOf("=") > 0, "is not NAME=VALUE"))),
  ),
  cwd: absolute,
  capabilities: z.optional(
    z.object({
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      inheritable: capabilities,
      ambient: capabilities,
    }),
  ),
  rlimits: z.optional(
    z.array(z.object({ type: oneOf(Object.keys(rlimitNumbers)), soft: natural, hard: natural })),
  ),
  apparmorProfile: z.optional(text),
  selinuxLabel: z.optional(text),
  oomScoreAdj: z.optional(z.int().check(z.minimum(-1000), z.maximum(1000))),
  noNewPrivileges: z.optional(z.boolean()),
  scheduler: z.optional(
    z.object({
      policy: text,
      nice: z.optional(z.int().check(z.minimum(-20), z.maximum(19))),
      priority: z.optional(z.int().check(z.minimum(0), z.maximum(99))),
      flags: texts,
      runtime: z.optional(natural),
      deadline: z.optional(natural),
      period: z.optional(natural),
    }),
  ),
  ioPriority: z.optional(
    z.object({ class: text, priority: z.optional(z.int().check(z.minimum(0), z.maximum(7))) }),
  ),
  execCPUAffinity: z.optional(z.unknown()),
});

const hook = z.object({
  path: absolute,
  args: texts,
  env: texts,
  timeout: z.optional(z.int().check(z.minimum(1), z.maximum(1_000_000))),
});
const hooks = z.optional(z.array(hook));

const device = z.object({
  type: oneOf(["c", "u", "b", "p"]),
  path: absolute,
  major: z.optional(z.int()),
  minor: z.optional(z.int()),
  fileMode: z.optional(z.int().check(z.minimum(0), z.maximum(0o177777))),
  uid: z.optional(id),
  gid: z.optional(id),
});

// Names reach the compiler as words of a line: nothing else may be in them.
const syscallName = z.string().check(z.regex(/^[A-Za-z0-9_]{1,64}$/));
const action = oneOf(seccompActions);
const errnoNumber = z.optional(z.int().check(z.minimum(0), z.maximum(4095)));
// Exact up to 2^53; a profile that compares larger numbers would be compiled to another rule.
const argumentValue = z.int().check(z.minimum(0));
const seccomp = z.object({
  defaultAction: action,
  defaultErrnoRet: errnoNumber,
  architectures: z.optional(z.array(oneOf(seccompArchitectures))),
  flags: z.optional(z.array(oneOf(seccompFlagNames))),
  listenerPath: z.optional(text),
  listenerMetadata: z.optional(text),
  syscalls: z.optional(
    z.array(
      z.object({
        names: z.array(syscallName).check(z.refine((list) => list.length > 0, "is empty")),
        action,
        errnoRet: errnoNumber,
        args: z.optional(
          z.array(
            z.object({
              index: z.int().check(z.minimum(0), z.maximum(5)),
              value: argumentValue,
              valueTwo: z.optional(argumentValue),
              op: oneOf(seccompOperators),
            }),
          ),
        ),
      }),
    ),
  ),
});

const offset = z.optional(
  z.object({
    secs: z.optional(z.int()),
    nanosecs: z.optional(z.int().check(z.minimum(0), z.maximum(999_999_999))),
  }),
);

const whole = z.optional(z.int());
const deviceRates = z.optional(
  z.array(z.object({ major: z.int(), minor: z.int(), rate: z.int().check(z.minimum(0)) })),
);
const deviceNumber = z.optional(z.int().check(z.minimum(-1), z.maximum(0x7fff_ffff)));
const deviceRule = z.object({
  allow: z.boolean(),
  type: z.optional(oneOf(["", "a", "b", "c", "u"])),
  // -1 stands for all, as with runc.
  major: deviceNumber,
  minor: deviceNumber,
  access: z.optional(z.string().check(z.regex(/^[rwm]{0,3}$/))),
});
const handles = z.optional(z.int().check(z.minimum(0), z.maximum(0xffff_ffff)));
const resources = z.object({
  devices: z.optional(z.array(deviceRule)),
  memory: z.optional(
    z.object({
      limit: whole,
      reservation: whole,
      swap: whole,
      kernel: whole,
      kernelTCP: whole,
      swappiness: whole,
      disableOOMKiller: z.optional(z.boolean()),
      checkBeforeUpdate: z.optional(z.boolean()),
    }),
  ),
  cpu: z.optional(
    z.object({
      shares: whole,
      quota: whole,
      burst: whole,
      period: whole,
      realtimeRuntime: whole,
      realtimePeriod: whole,
      cpus: z.optional(text),
      mems: z.optional(text),
      idle: whole,
    }),
  ),
  pids: z.optional(z.object({ limit: z.int() })),
  blockIO: z.optional(
    z.object({
      weight: whole,
      leafWeight: whole,
      weightDevice: z.optional(
        z.array(
          z.object({
            major: z.int(),
            minor: z.int(),
            weight: z.int().check(z.minimum(0)),
            leafWeight: whole,
          }),
        ),
      ),
      throttleReadBpsDevice: deviceRates,
      throttleWriteBpsDevice: deviceRates,
      throttleReadIOPSDevice: deviceRates,
      throttleWriteIOPSDevice: deviceRates,
    }),
  ),
  hugepageLimits: z.optional(z.array(z.object({ pageSize: text, limit: z.int() }))),
  network: z.optional(z.record(z.string(), z.unknown())),
  rdma: z.optional(z.record(text, z.object({ hcaHandles: handles, hcaObjects: handles }))),
  unified: z.optional(z.record(text, text)),
});

const linux = z.object({
  uidMappings: mappings,
  gidMappings: mappings,
  timeOffsets: z.optional(z.object({ monotonic: offset, boottime: offset })),
  sysctl: z.optional(z.record(text, text)),
  resources: z.optional(resources),
  cgroupsPath: z.optional(text),
  namespaces: z.optional(
    z.array(
      z.object({
        type: oneOf(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]),
        path: z.optional(text),
      }),
    ),
  ),
  devices: z.optional(z.array(device)),
  netDevices: z.optional(z.unknown()),
  seccomp: z.optional(seccomp),
  rootfsPropagation: z.optional(oneOf(["", ...propagationTypes])),
  maskedPaths: z.optional(z.array(absolute)),
  readonlyPaths: z.optional(z.array(absolute)),
  mountLabel: z.optional(text),
  intelRdt: z.optional(z.unknown()),
  memoryPolicy: z.optional(z.unknown()),
  personality: z.optional(z.object({ domain: text, flags: texts })),
});

const config = z.object({
  ociVersion: z
    .string()
    .check(
      z.refine(
        (value) => /^1\.\d+\.\d+([-+].*)?$/.test(value),
        "is no version 1 of the specification",
      ),
    ),
  root: z.object({ path, readonly: z.optional(z.boolean()) }),
  mounts: z.optional(z.array(mount)),
  process,
  hostname: z.optional(text.check(z.maxLength(64))),
  domainname: z.optional(text.check(z.maxLength(64))),
  hooks: z.optional(
    z.object({
      prestart: hooks,
      createRuntime: hooks,
      createContainer: hooks,
      startContainer: hooks,
      poststart: hooks,
      poststop: hooks,
    }),
  ),
  annotations: z.optional(z.record(z.string(), z.string())),
  linux,
});

/** A config.json as it was given, checked. */
export type RuntimeConfig = z.infer<typeof config>;
/** `process` of a config.json, and what `exec --process` takes. */
export type ProcessConfig = RuntimeConfig["process"];
/** A program that is run at a point of a container's life. */
export type HookConfig = z.infer<typeof hook>;
/** `linux.seccomp`. */
export type SeccompConfig = z.infer<typeof seccomp>;
/** `linux.resources`. */
export type ResourcesConfig = z.infer<typeof resources>;
/** `linux.resources.devices[]`: what is not named stands for all. */
export type DeviceRule = z.infer<typeof deviceRule>;
/** An entry of `mounts`. */
export type MountConfig = z.infer<typeof mount>;

/**
 * Reads a config.json.
 *
 * @param file its name, for messages.
 * @throws TsmanError CONFIG_INVALID with the JSON pointer of what is wrong
 */
export function parseRuntimeConfig(bytes: Uint8Array, file: string): RuntimeConfig {
  return checked(config, bytes, file);
}

/**
 * Reads the document of `exec --process`.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer of what is wrong
 */
export function parseProcessConfig(bytes: Uint8Array, file: string): ProcessConfig {
  return checked(process, bytes, file);
}

/**
 * Reads what `update --resources` is given.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer of what is wrong
 */
export function parseResourcesConfig(bytes: Uint8Array, file: string): ResourcesConfig {
  return checked(resources, bytes, file);
}

/**
 * Refuses a part of a config.json that is right and that cannot be had here.
 *
 * @param pointer RFC 6901
 */
export function refused(pointer: string, why: string, hint?: string): TsmanError {
  return new TsmanError("CONFIG_INVALID", `read config.json: ${pointer}: ${why}`, {
    hint,
    details: { pointer },
  });
}

function checked<T>(schema: z.ZodMiniType<T>, bytes: Uint8Array, file: string): T {
  const rules = { what: file, code: "CONFIG_INVALID", maxBytes: maxConfigBytes } as const;
  const value = parseDocument(z.unknown(), bytes, rules);
  const result = z.safeParse(schema, withoutNulls(value));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const pointer = pointerOf(issue?.path ?? []);
  const why =
    issue?.code === "invalid_type"
      ? `should be of type ${issue.expected}`
      : (issue?.message ?? "is not as expected");
  throw new TsmanError("CONFIG_INVALID", `read ${file}: ${pointer}: ${why}`, {
    hint: "see the OCI runtime specification, config.md and config-linux.md",
    details: { pointer },
  });
}

/** RFC 6901; the document itself is `/`, which people recognize. */
function pointerOf(members: readonly PropertyKey[]): string {
  const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");
  return `/${members.map((member) => escaped(String(member))).join("/")}`;
}

/** Programs in Go write a missing list as null. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(entries.map(([name, member]) => [name, withoutNulls(member)]));
}
