/**
 * Every way in which tsman can fail, by who must react.  The code is stable: branch on it, never
 * on a message.  README's table "Exit statuses" lists the same codes; test/architecture compares.
 */
export const errorCodes = {
  // usage: the caller wrote something that cannot be meant
  USAGE: 125,
  REFERENCE_INVALID: 125,
  NAME_INVALID: 125,
  OPTION_UNSUPPORTED: 125,
  CONFIG_INVALID: 125,
  // not found
  IMAGE_NOT_FOUND: 125,
  CONTAINER_NOT_FOUND: 125,
  PLATFORM_NOT_FOUND: 125,
  IMAGE_NOT_LOCKED: 125,
  PORT_NOT_PUBLISHED: 125,
  // conflict: the name or thing is taken
  NAME_IN_USE: 125,
  IMAGE_IN_USE: 2,
  CONTAINER_IN_USE: 125,
  PORT_IN_USE: 125,
  // state: the thing exists but is in the wrong state
  CONTAINER_RUNNING: 2,
  CONTAINER_NOT_RUNNING: 125,
  CONTAINER_PAUSED: 125,
  LOG_UNAVAILABLE: 125,
  // registry: the other side of the network
  REGISTRY_UNREACHABLE: 125,
  REGISTRY_TLS: 125,
  REGISTRY_AUTH: 125,
  REGISTRY_DENIED: 125,
  REGISTRY_NOT_FOUND: 125,
  REGISTRY_RATE_LIMIT: 125,
  REGISTRY_RESPONSE: 125,
  // integrity: bytes are not what was promised
  DIGEST_MISMATCH: 125,
  SIZE_MISMATCH: 125,
  MANIFEST_INVALID: 125,
  DOCUMENT_INVALID: 125,
  IMAGE_REJECTED: 125,
  ARCHIVE_INVALID: 125,
  // unpack
  LAYER_INVALID: 125,
  LAYER_LIMIT: 125,
  // runtime: the kernel said no while the container was made
  RUNTIME_FAILED: 125,
  COMMAND_NOT_EXECUTABLE: 126,
  COMMAND_NOT_FOUND: 127,
  USER_UNUSABLE: 126,
  WORKDIR_UNUSABLE: 126,
  WORKDIR_NOT_FOUND: 126,
  NETWORK_FAILED: 125,
  EXIT_STATUS_UNKNOWN: 125,
  OUTPUT_LIMIT: 125,
  // preflight: this host lacks something; the hint always says what to do
  PREFLIGHT_USERNS: 125,
  PREFLIGHT_SUBID: 125,
  PREFLIGHT_NETWORK: 125,
  PREFLIGHT_PORT: 125,
  PREFLIGHT_STORAGE: 125,
  PREFLIGHT_HELPER: 125,
  PREFLIGHT_CGROUP: 125,
  // store
  STORE_NEWER: 125,
  STORE_CORRUPT: 125,
  DISK_FULL: 125,
  // the rest
  INTERRUPTED: 130,
  INTERNAL: 125,
} as const;

/** A stable name of a failure. */
export type ErrorCode = keyof typeof errorCodes;

/** The exit status with which the command line ends for this code. */
export function exitStatusOf(code: ErrorCode): number {
  return errorCodes[code];
}
