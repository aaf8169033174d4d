/**
 * The wire between TypeScript and the native program, as native/protocol.h defines it.  That
 * header is the source of truth and explains every operand; test/architecture/protocol.test.ts
 * compares the two, name by name and number by number.
 */

/** Version that the monitor must speak; it refuses any other. */
export const protocolVersion = 1;
/** Descriptor on which the monitor finds its end of the control socket pair. */
export const controlFd = 3;

/** A plan or frame above one of these is refused, with the limit's name. */
export const limits = {
  LAUNCH_BYTES: 4 << 20,
  RECORDS: 20_000,
  ARGS: 20_000,
  FRAME_BYTES: 4 << 20,
  OPENS: 1024,
  PRESERVED: 512,
} as const;

/** Frame types, both directions. */
export const message = {
  LAUNCH: 1,
  START: 2,
  SIGNAL: 3,
  RESIZE: 4,
  STOP: 5,
  GO: 6,
  CREATED: 16,
  READY: 17,
  STARTED: 18,
  FAILED: 19,
  EXITED: 20,
  DETACHED: 21,
  WARNING: 22,
  KEPT: 23,
  CALLER: 24,
  LEFT: 25,
  STDIN: 32,
  STDIN_EOF: 33,
  STDOUT: 34,
  STDERR: 35,
  ATTACHED: 36,
  LOST: 37,
} as const;

/** Settings: records that the monitor and stage 1 read, in any order. */
export const setting = {
  VERSION: 1,
  ID: 2,
  UID_MAP: 3,
  GID_MAP: 4,
  MAP_TOOLS: 5,
  SETGROUPS_DENY: 6,
  UNSHARE: 7,
  JOIN: 8,
  OPEN: 9,
  TTY: 10,
  STDIN: 11,
  FOREGROUND: 12,
  DETACH_KEYS: 13,
  LOG: 14,
  RUN_DIR: 15,
  EXIT_FILE: 16,
  PID_FILE: 17,
  NETWORK: 18,
  HOLD: 19,
  TIMEOUT: 20,
  STOP: 21,
  CLEANUP: 22,
  STAGE_COMMAND: 23,
  DUMB_INIT: 24,
  REMOVE_TREE: 25,
  STAY: 26,
  JOIN_PROCESS: 45,
  PRESERVE: 46,
  SESSION: 55,
  PREPARED: 56,
  JOIN_OWNER: 65,
  OPEN_MOUNT: 66,
  LOG_FORMAT: 30,
  LOG_JOURNAL: 31,
  PASSTHROUGH: 32,
  CLEANUP_DELAY: 33,
  HEALTH: 34,
  HEALTH_PLAN: 35,
  HEALTH_STARTUP: 36,
  HEALTH_STARTUP_PLAN: 37,
  EVENT: 50,
  EPHEMERAL: 60,
  LEAVE: 70,
  START_PIPES: 71,
  CONSOLE_SOCKET: 72,
  JOIN_ANY: 73,
  CGROUP: 75,
  DEVICE_FILTER: 76,
  TIME_OFFSET: 80,
  OPEN_IDMAPPED: 81,
  SECCOMP_LISTENER: 82,
  STRICT: 83,
} as const;

/** Records from this number on are steps, executed by init in the order given. */
export const stepBase = 256;

/** Steps; their operands stand in native/protocol.h. */
export const step = {
  PROPAGATION: 256,
  ROOT_OVERLAY: 257,
  ROOT_BIND: 258,
  ENTER_ROOT: 259,
  MOUNT: 260,
  BIND: 261,
  MKDIR: 262,
  SYMLINK: 263,
  WRITE_FILE: 264,
  DEVICE: 265,
  MASK: 266,
  READONLY: 267,
  SYSCTL: 268,
  HOSTNAME: 269,
  DOMAINNAME: 270,
  CONSOLE: 271,
  LOOPBACK: 272,
  PIVOT: 273,
  ROOT_READONLY: 274,
  ROOT_PROPAGATION: 275,
  RLIMIT: 276,
  OOM_SCORE: 277,
  UMASK: 278,
  USER: 279,
  CHDIR: 280,
  CAPS: 281,
  NO_NEW_PRIVS: 282,
  SECCOMP: 283,
  KEYRING: 284,
  ENV: 285,
  EXEC: 286,
  COPY_UP: 287,
  CHOWN_TREE: 288,
  CALLER: 290,
  HOOK: 295,
  SCHEDULER: 296,
  IO_PRIORITY: 297,
  PERSONALITY: 298,
  MKNOD: 299,
  LABEL: 300,
  HOST_USER: 301,
  CHANGE_MOUNT: 302,
  OVERLAY: 303,
} as const;

/** Name of a setting in native/protocol.h, without TSMAN_SET_. */
export type SettingName = keyof typeof setting;
/** Name of a step in native/protocol.h, without TSMAN_OP_. */
export type StepName = keyof typeof step;
/** Name of a frame in native/protocol.h, without TSMAN_MSG_. */
export type MessageName = keyof typeof message;

/** The name of an operation number, for messages; an unknown one as `op N`. */
export function operationName(op: number): string {
  const found = [...Object.entries(setting), ...Object.entries(step)].find(
    ([, each]) => each === op,
  );
  return found?.[0] ?? `op ${op}`;
}
