import { type ErrorCode, TsmanError } from "../errors/index.ts";
import { errnoMessage, errnoName } from "../platform/errno.ts";
import { hintOf, hintOfNamespace, isOfConfig } from "./failure-hint.ts";
import type { MonitorFailure } from "./monitor-handle.ts";
import { operationName, step } from "./protocol.ts";

/**
 * A failure of the native program in the user's words: `mount overlay on / : Invalid argument
 * (too many lower layers)`.
 *
 * The error's `cause` is the failure itself: `monitorFailureOf`.  Failures to make or map a user
 * namespace say only what the kernel said; rootless/explainUsernsFailure knows the remedies.
 */
export function monitorError(failure: MonitorFailure): TsmanError {
  const { code, message, hint } = describe(failure);
  return new TsmanError(code, message, {
    hint,
    cause: failure,
    details: {
      stage: failure.stage,
      operation: failure.operation,
      object: failure.object,
      errno: failure.errno === 0 ? "" : errnoName(failure.errno),
      step: failure.stepIndex,
      ...(failure.step === undefined
        ? {}
        : { stepName: operationName(failure.step.op), because: failure.step.because }),
    },
  });
}

/** The failure behind an error of {@link monitorError}; undefined for any other. */
export function monitorFailureOf(error: unknown): MonitorFailure | undefined {
  if (!(error instanceof TsmanError)) return undefined;
  const { cause } = error;
  const isFailure =
    typeof cause === "object" && cause !== null && "stage" in cause && "stepIndex" in cause;
  return isFailure ? (cause as MonitorFailure) : undefined;
}

interface Description {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

function describe(failure: MonitorFailure): Description {
  if (isExec(failure)) return describeExec(failure);
  if (isUnknownName(failure)) return describeUnknownName(failure);
  const message = `${sentence(failure)}${reason(failure)}`;
  if (failure.stage === "network") return describeNetwork(failure, message);
  if (failure.stage === "map" || isNamespaceFailure(failure)) {
    return { code: "PREFLIGHT_USERNS", message, hint: hintOfNamespace(failure) };
  }
  return { code: stepCode(failure), message, hint: hintOf(failure) };
}

/** As Podman's and Docker's statuses have it, what cannot be invoked as it was asked for is no defect of theirs. */
function stepCode({ step: failed, operation, errno }: MonitorFailure): ErrorCode {
  if (failed?.op === step.CHDIR) {
    return errnoName(errno) === "ENOENT" ? "WORKDIR_NOT_FOUND" : "WORKDIR_UNUSABLE";
  }
  // What was set and does not hold is no wish that cannot be met.
  const isUser = failed?.op === step.USER && !/^(append|verify)/.test(operation);
  return isUser ? "USER_UNUSABLE" : "RUNTIME_FAILED";
}

function isExec(failure: MonitorFailure): boolean {
  // The step has more to do than that: descriptors, the terminal.
  const isExecute = failure.step?.op === step.EXEC && failure.operation === "execute";
  return failure.stage === "exec" || isExecute;
}

function isNamespaceFailure(failure: MonitorFailure): boolean {
  return failure.stage === "stage 1" && ["unshare", "clone", "setns"].includes(failure.operation);
}

/** execve(2): what the shells tell apart by 127 and 126. */
function describeExec(failure: MonitorFailure): Description {
  const program = failure.object === "" ? "program" : failure.object;
  switch (errnoName(failure.errno)) {
    case "ENOENT":
    case "ENOTDIR":
      return {
        code: "COMMAND_NOT_FOUND",
        message: `run ${program}: ${failure.detail === "" ? "no such program in the container" : failure.detail}`,
        hint: program.includes("/")
          ? "if the file is there, the interpreter or loader that it names is missing"
          : "it is in no directory of the container's PATH",
      };
    case "ENOEXEC":
    case "ELIBBAD":
      return {
        code: "COMMAND_NOT_EXECUTABLE",
        message: `run ${program}: not a program for this machine`,
        hint: "the image may be for another platform (--platform), or a script lacks its #! line",
      };
    case "EACCES":
    case "EISDIR":
      return {
        code: "COMMAND_NOT_EXECUTABLE",
        message: `run ${program}: it may not be executed`,
        hint: "give the file the execute permission, and check that no mount says noexec",
      };
    default:
      return {
        code: "COMMAND_NOT_EXECUTABLE",
        message: `run ${program}${reason(failure)}`,
        hint: execHint(failure),
      };
  }
}

/** What a filter answers is its own choice; EPERM with nearly all. */
function execHint(failure: MonitorFailure): string | undefined {
  switch (errnoName(failure.errno)) {
    case "EPERM":
    case "ENOSYS":
      return isOfConfig(failure)
        ? "its system call filter may deny execve (/linux/seccomp)"
        : "its system call filter may deny execve (--security-opt seccomp)";
    case "E2BIG":
      return "its arguments and environment are more than the kernel takes: shorten them";
    default:
      return hintOf(failure);
  }
}

function isUnknownName(failure: MonitorFailure): boolean {
  const isLookUp = failure.step?.op === step.USER && failure.operation.startsWith("look up");
  return isLookUp && errnoName(failure.errno) === "ENOENT";
}

/** ENOENT of a name is about no file. */
function describeUnknownName(failure: MonitorFailure): Description {
  const file = failure.operation.includes("group") ? "/etc/group" : "/etc/passwd";
  const detail = failure.detail === "" ? `not in ${file}` : failure.detail;
  return {
    code: "USER_UNUSABLE",
    message: `${sentence(failure)}: ${detail}`,
    hint: hintOf(failure),
  };
}

function describeNetwork(failure: MonitorFailure, message: string): Description {
  const text = `${failure.object} ${failure.detail}`;
  if (text.includes("/dev/net/tun")) {
    return {
      code: "PREFLIGHT_NETWORK",
      message,
      hint: "load the tun module (modprobe tun), or use --network none or --network host",
    };
  }
  return {
    code: "NETWORK_FAILED",
    message,
    hint: "use --network none or --network host, or run tsman doctor",
  };
}

/** Who asked for it: of a step that does several things, for this one. */
function originOf({ step: failed, operation }: MonitorFailure): string | undefined {
  const because = failed?.because;
  return operation === "setgroups" && because?.startsWith("/") === true
    ? `${because}/additionalGids`
    : because;
}

/** `operation object`, with the user's reason for a step: a bare path says little. */
function sentence(failure: MonitorFailure): string {
  const words = [failure.operation === "" ? "start container" : failure.operation];
  if (failure.object !== "") words.push(failure.object);
  const because = originOf(failure);
  const asked = because === undefined || because.startsWith("default") ? "" : ` (${because})`;
  return `${words.join(" ")}${asked}`;
}

/** `: Invalid argument (detail)`; the errno never stands alone. */
function reason(failure: MonitorFailure): string {
  const detail = failure.detail.trim().replaceAll(/\s*\n\s*/g, "; ");
  if (failure.errno === 0) return detail === "" ? "" : `: ${detail}`;
  const meaning = meaningOf(failure.errno);
  return detail === "" ? `: ${meaning}` : `: ${meaning} (${detail})`;
}

/** Node's table lacks some numbers of errno(3); their names still say more than a number. */
function meaningOf(errno: number): string {
  const text = errnoMessage(errno);
  return text.startsWith("Unknown system error") ? errnoName(errno) : text;
}
