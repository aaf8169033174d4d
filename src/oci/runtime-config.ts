import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "./document.ts";
import { type LazySchema, list, map, members, once, type Parsed } from "./lazy-schema.ts";
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

const text = once(() =>
  z.string().check(z.refine((value) => !value.includes("\0"), "holds a NUL byte")),
);
const path = once(() => text().check(z.refine((value) => value !== "", "is empty")));
const absolute = once(() =>
  path().check(z.refine((value) => value.startsWith("/"), "is no absolute path")),
);
const plainText = once(() => z.string());
const flag = once(() => z.boolean());
const anything = once(() => z.unknown());
const texts = list(text);
const natural = once(() => z.number().check(z.minimum(0)));
const whole = once(() => z.int());
const integer = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  once(() => z.int().check(z.minimum(least), z.maximum(most)));
const oneOf = (names: readonly string[]) =>
  once(() => z.string().check(z.refine((value) => names.includes(value), "is not known")));
const pattern = (regex: RegExp) => once(() => z.string().check(z.regex(regex)));
const id = integer(0, 0xffff_fffe);

const mappings = list(members({ containerID: id, hostID: id, size: integer(1, 2 ** 32) }, {}));

const mount = members(
  { destination: path },
  { type: text, source: text, options: texts, uidMappings: mappings, gidMappings: mappings },
);

const user = members({ uid: id, gid: id }, { umask: integer(0, 0o7777), additionalGids: list(id) });

const process = members(
  {
    user: once(() => z._default(user(), { uid: 0, gid: 0 })),
    args: once(() =>
      z
        .array(text())
        .check(z.refine((words) => words.length > 0 && words[0] !== "", "names no program")),
    ),
    cwd: absolute,
  },
  {
    terminal: flag,
    consoleSize: members({ height: integer(0, 0xffff), width: integer(0, 0xffff) }, {}),
    env: list(
      once(() => text().check(z.refine((value) => value.indexOf("=") > 0, "is not NAME=VALUE"))),
    ),
    // Which there are is not asked here: one that is not known is a warning (config.md, "Linux Process").
    capabilities: members(
      {},
      { bounding: texts, effective: texts, permitted: texts, inheritable: texts, ambient: texts },
    ),
    rlimits: list(
      members({ type: oneOf(Object.keys(rlimitNumbers)), soft: natural, hard: natural }, {}),
    ),
    apparmorProfile: text,
    selinuxLabel: text,
    oomScoreAdj: integer(-1000, 1000),
    noNewPrivileges: flag,
    scheduler: members(
      { policy: text },
      {
        nice: integer(-20, 19),
        priority: integer(0, 99),
        flags: texts,
        runtime: natural,
        deadline: natural,
        period: natural,
      },
    ),
    ioPriority: members({ class: text }, { priority: integer(0, 7) }),
    execCPUAffinity: anything,
  },
);

const hook = members(
  { path: absolute },
  { args: texts, env: texts, timeout: integer(1, 1_000_000) },
);
const hooks = list(hook);

const device = members(
  { type: oneOf(["c", "u", "b", "p"]), path: absolute },
  { major: whole, minor: whole, fileMode: integer(0, 0o177777), uid: id, gid: id },
);

const action = oneOf(seccompActions);
const errnoNumber = integer(0, 4095);
// Exact up to 2^53; a profile that compares larger numbers would be compiled to another rule.
const argumentValue = integer(0);
const seccomp = members(
  { defaultAction: action },
  {
    defaultErrnoRet: errnoNumber,
    architectures: list(oneOf(seccompArchitectures)),
    flags: list(oneOf(seccompFlagNames)),
    listenerPath: text,
    listenerMetadata: text,
    syscalls: list(
      members(
        {
          // Names reach the compiler as words of a line: nothing else may be in them.
          names: once(() =>
            z
              .array(pattern(/^[A-Za-z0-9_]{1,64}$/)())
              .check(z.refine((names) => names.length > 0, "is empty")),
          ),
          action,
        },
        {
          errnoRet: errnoNumber,
          args: list(
            members(
              { index: integer(0, 5), value: argumentValue, op: oneOf(seccompOperators) },
              { valueTwo: argumentValue },
            ),
          ),
        },
      ),
    ),
  },
);

const offset = members({}, { secs: whole, nanosecs: integer(0, 999_999_999) });

const deviceRates = list(members({ major: whole, minor: whole, rate: integer(0) }, {}));
// -1 stands for all, as with runc.
const deviceNumber = integer(-1, 0x7fff_ffff);
const deviceRule = members(
  { allow: flag },
  {
    type: oneOf(["", "a", "b", "c", "u"]),
    major: deviceNumber,
    minor: deviceNumber,
    access: pattern(/^[rwm]{0,3}$/),
  },
);
const handles = integer(0, 0xffff_ffff);
const resources = members(
  {},
  {
    devices: list(deviceRule),
    memory: members(
      {},
      {
        limit: whole,
        reservation: whole,
        swap: whole,
        kernel: whole,
        kernelTCP: whole,
        swappiness: whole,
        disableOOMKiller: flag,
        checkBeforeUpdate: flag,
      },
    ),
    cpu: members(
      {},
      {
        shares: whole,
        quota: whole,
        burst: whole,
        period: whole,
        realtimeRuntime: whole,
        realtimePeriod: whole,
        cpus: text,
        mems: text,
        idle: whole,
      },
    ),
    pids: members({ limit: whole }, {}),
    blockIO: members(
      {},
      {
        weight: whole,
        leafWeight: whole,
        weightDevice: list(
          members({ major: whole, minor: whole, weight: integer(0) }, { leafWeight: whole }),
        ),
        throttleReadBpsDevice: deviceRates,
        throttleWriteBpsDevice: deviceRates,
        throttleReadIOPSDevice: deviceRates,
        throttleWriteIOPSDevice: deviceRates,
      },
    ),
    hugepageLimits: list(members({ pageSize: text, limit: whole }, {})),
    network: map(plainText, anything),
    rdma: map(text, members({}, { hcaHandles: handles, hcaObjects: handles })),
    unified: map(text, text),
  },
);

const linux = members(
  {},
  {
    uidMappings: mappings,
    gidMappings: mappings,
    timeOffsets: members({}, { monotonic: offset, boottime: offset }),
    sysctl: map(text, text),
    resources,
    cgroupsPath: text,
    namespaces: list(
      members(
        { type: oneOf(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]) },
        { path: text },
      ),
    ),
    devices: list(device),
    netDevices: anything,
    seccomp,
    rootfsPropagation: oneOf(["", ...propagationTypes]),
    maskedPaths: list(absolute),
    readonlyPaths: list(absolute),
    mountLabel: text,
    intelRdt: anything,
    memoryPolicy: anything,
    personality: members({ domain: text }, { flags: texts }),
  },
);

const hostname = once(() => text().check(z.maxLength(64)));
const config = members(
  {
    ociVersion: once(() =>
      z
        .string()
        .check(
          z.refine(
            (value) => /^1\.\d+\.\d+([-+].*)?$/.test(value),
            "is no version 1 of the specification",
          ),
        ),
    ),
    root: members({ path }, { readonly: flag }),
    process,
    linux,
  },
  {
    mounts: list(mount),
    hostname,
    domainname: hostname,
    hooks: members(
      {},
      {
        prestart: hooks,
        createRuntime: hooks,
        createContainer: hooks,
        startContainer: hooks,
        poststart: hooks,
        poststop: hooks,
      },
    ),
    annotations: map(plainText, plainText),
  },
);

/** A config.json as it was given, checked. */
export type RuntimeConfig = Parsed<typeof config>;
/** `process` of a config.json, and what `exec --process` takes. */
export type ProcessConfig = RuntimeConfig["process"];
/** A program that is run at a point of a container's life. */
export type HookConfig = Parsed<typeof hook>;
/** `linux.seccomp`. */
export type SeccompConfig = Parsed<typeof seccomp>;
/** `linux.resources`. */
export type ResourcesConfig = Parsed<typeof resources>;
/** `linux.resources.devices[]`: what is not named stands for all. */
export type DeviceRule = Parsed<typeof deviceRule>;
/** An entry of `mounts`. */
export type MountConfig = Parsed<typeof mount>;

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

function checked<T>(schema: LazySchema<T>, bytes: Uint8Array, file: string): T {
  const rules = { what: file, code: "CONFIG_INVALID", maxBytes: maxConfigBytes } as const;
  const value = parseDocument(z.unknown(), bytes, rules);
  const result = z.safeParse(schema(), withoutNulls(value));
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
