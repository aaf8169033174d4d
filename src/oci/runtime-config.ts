import { isTsmanError, TsmanError } from "../errors/index.ts";
import { readJson } from "./json-document.ts";
import {
  seccompActions,
  seccompArchitectures,
  seccompFlagNames,
  seccompOperators,
} from "./runtime-features.ts";
import { propagationTypes, rlimitNumbers } from "./runtime-spec.ts";
import {
  anything,
  flag,
  integer,
  list,
  Misshapen,
  map,
  members,
  natural,
  oneOf,
  type Shape,
  type Shaped,
  such,
  text,
} from "./shape.ts";

// config.json of somebody else's bundle (runtime-spec/config.md, config-linux.md, version 1.2).
// Members that the specification does not have are ignored, as it asks ("Extensibility").

/** The most that a document may have: a bundle with a thousand mounts has some hundred kilobytes. */
export const maxConfigBytes = 16 * 1024 * 1024;

const string = such(text, (value) => !value.includes("\0"), "holds a NUL byte");
const path = such(string, (value) => value !== "", "is empty");
const absolute = such(path, (value) => value.startsWith("/"), "is no absolute path");
const strings = list(string);
const whole = integer();
const pattern = (regex: RegExp) => such(text, (value) => regex.test(value), "is not as expected");
const id = integer(0, 0xffff_fffe);

const mappings = list(members({ containerID: id, hostID: id, size: integer(1, 2 ** 32 - 1) }, {}));

const mount = members(
  { destination: path },
  { type: string, source: string, options: strings, uidMappings: mappings, gidMappings: mappings },
);

const user = members({ uid: id, gid: id }, { umask: integer(0, 0o7777), additionalGids: list(id) });

const process = members(
  {
    user: (value: unknown) => (value === undefined ? { uid: 0, gid: 0 } : user(value)),
    args: such(strings, (words) => words.length > 0 && words[0] !== "", "names no program"),
    cwd: absolute,
  },
  {
    terminal: flag,
    consoleSize: members({ height: integer(0, 0xffff), width: integer(0, 0xffff) }, {}),
    env: list(such(string, (value) => value.indexOf("=") > 0, "is not NAME=VALUE")),
    // Which there are is not asked here: one that is not known is a warning (config.md, "Linux Process").
    capabilities: members(
      {},
      {
        bounding: strings,
        effective: strings,
        permitted: strings,
        inheritable: strings,
        ambient: strings,
      },
    ),
    rlimits: list(
      members({ type: oneOf(Object.keys(rlimitNumbers)), soft: natural, hard: natural }, {}),
    ),
    apparmorProfile: string,
    selinuxLabel: string,
    oomScoreAdj: integer(-1000, 1000),
    noNewPrivileges: flag,
    scheduler: members(
      { policy: string },
      {
        nice: integer(-20, 19),
        priority: integer(0, 99),
        flags: strings,
        runtime: natural,
        deadline: natural,
        period: natural,
      },
    ),
    ioPriority: members({ class: string }, { priority: integer(0, 7) }),
    execCPUAffinity: anything,
  },
);

const hook = members(
  { path: absolute },
  { args: strings, env: strings, timeout: integer(1, 1_000_000) },
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
    listenerPath: string,
    listenerMetadata: string,
    syscalls: list(
      members(
        {
          // Names reach the compiler as words of a line: nothing else may be in them.
          names: such(
            list(pattern(/^[A-Za-z0-9_]{1,64}$/)),
            (names) => names.length > 0,
            "is empty",
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
        cpus: string,
        mems: string,
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
    hugepageLimits: list(members({ pageSize: string, limit: whole }, {})),
    network: map(text, anything),
    rdma: map(string, members({}, { hcaHandles: handles, hcaObjects: handles })),
    unified: map(string, string),
  },
);

const linux = members(
  {},
  {
    uidMappings: mappings,
    gidMappings: mappings,
    timeOffsets: map(string, offset),
    sysctl: map(string, string),
    resources,
    cgroupsPath: string,
    namespaces: list(
      members(
        { type: oneOf(["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]) },
        { path: string },
      ),
    ),
    devices: list(device),
    netDevices: anything,
    seccomp,
    rootfsPropagation: oneOf(["", ...propagationTypes]),
    maskedPaths: list(absolute),
    readonlyPaths: list(absolute),
    mountLabel: string,
    intelRdt: anything,
    memoryPolicy: anything,
    personality: members({ domain: string }, { flags: strings }),
  },
);

const hostname = such(string, (value) => value.length <= 64, "is longer than 64 bytes");
const config = members(
  {
    ociVersion: such(
      text,
      (value) => /^1\.\d+\.\d+([-+][\w.+-]*)?$/.test(value),
      "is no version 1 of the specification",
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
    annotations: map(text, text),
  },
);

/** A config.json as it was given, checked. */
export type RuntimeConfig = Shaped<typeof config>;
/** `process` of a config.json, and what `exec --process` takes. */
export type ProcessConfig = RuntimeConfig["process"];
/** A program that is run at a point of a container's life. */
export type HookConfig = Shaped<typeof hook>;
/** `linux.seccomp`. */
export type SeccompConfig = Shaped<typeof seccomp>;
/** `linux.resources`. */
export type ResourcesConfig = Shaped<typeof resources>;
/** `linux.resources.devices[]`: what is not named stands for all. */
export type DeviceRule = Shaped<typeof deviceRule>;
/** An entry of `mounts`. */
export type MountConfig = Shaped<typeof mount>;

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
    details: { pointer, why },
  });
}

/**
 * What {@link refused} says of `process`, where that is a document of its own.
 *
 * @param file its name
 */
export function refusedIn(file: string, error: unknown): unknown {
  if (!isTsmanError(error, "CONFIG_INVALID")) return error;
  const { pointer, why } = error.details;
  const inside = /^\/process(\/.*)$/.exec(String(pointer))?.[1];
  if (inside === undefined || why === undefined) return error;
  return new TsmanError("CONFIG_INVALID", `read ${file}: ${inside}: ${why}`, {
    hint: error.hint,
    details: { pointer: inside, why },
  });
}

function checked<T>(shape: Shape<T>, bytes: Uint8Array, file: string): T {
  const rules = { what: file, code: "CONFIG_INVALID", maxBytes: maxConfigBytes } as const;
  try {
    return shape(readJson(bytes, rules));
  } catch (error) {
    if (!(error instanceof Misshapen)) throw error;
    const pointer = pointerOf(error.path);
    throw new TsmanError("CONFIG_INVALID", `read ${file}: ${pointer}: ${error.message}`, {
      hint: "see the OCI runtime specification, config.md and config-linux.md",
      details: { pointer },
    });
  }
}

/** RFC 6901; the document itself is `/`, which people recognize. */
function pointerOf(names: readonly (string | number)[]): string {
  const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");
  return `/${names.map((member) => escaped(String(member))).join("/")}`;
}
