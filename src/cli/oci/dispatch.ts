import path from "node:path";
import { ociRoot } from "../../config/oci-root.ts";
import { cacheDirectory } from "../../config/paths.ts";
import type { OciContext } from "../../engine/oci/oci-types.ts";
import { type TsmanError, toTsmanError } from "../../errors/index.ts";
import { explainLostDirectory } from "../current-directory.ts";
import { type OciEntry, ociVerbs } from "../oci-commands.ts";
import type { Output } from "../output.ts";
import { interruptedStatus } from "../session/interruption.ts";
import { usageError } from "../usage-error.ts";
import { type OciArguments, type OciOptions, parseOciArguments } from "./arguments.ts";
import { overview, verbHelp, versionText } from "./help.ts";
import { type OciLog, openOciLog, tell } from "./log.ts";
import type { OciVerb } from "./verb.ts";

/** What the process hands to the dispatcher. */
export interface OciInput {
  readonly argv: readonly string[];
  readonly stdout: Output;
  readonly stderr: Output;
  /** "" when it was removed. */
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Options before the verb: runc's and crun's. */
const globalOptions = {
  root: { kind: "value", value: "DIR", summary: "where containers are kept" },
  log: { kind: "value", value: "FILE", summary: "append errors and warnings to it" },
  "log-format": { kind: "value", value: "FORMAT", summary: "text or json" },
  "log-level": { kind: "value", value: "LEVEL", summary: "error: no warnings" },
  "systemd-cgroup": { kind: "flag", summary: "cgroupsPath is SLICE:PREFIX:NAME" },
  "cgroup-manager": { kind: "value", value: "NAME", summary: "systemd, cgroupfs or disabled" },
  rootless: { kind: "value", value: "BOOLEAN", summary: "accepted: that is found out" },
  criu: { kind: "value", value: "FILE", summary: "accepted: there is no checkpoint" },
  debug: { kind: "flag", summary: "say more of errors" },
  help: { kind: "flag", char: "h", summary: "print this help" },
  version: { kind: "flag", char: "v", summary: "print the version" },
} as const satisfies OciOptions;

/** Status of runc and crun for whatever they fail in. */
const failureStatus = 1;

/**
 * Runs a command line of the OCI runtime.
 *
 * @returns the exit status: that of the program for `run` and `exec`, which themselves fail with
 * 125, 126 and 127; else 0 or 1.
 */
export async function dispatchOci(input: OciInput): Promise<number> {
  const { stderr } = input;
  let log: OciLog = { stderr, isJson: false };
  let verb = "";
  try {
    const globals = parseOciArguments(input.argv, globalOptions, 1);
    log = openOciLog(input, globals);
    refuseOthers(globals);
    [verb = ""] = globals.positionals;
    if (globals.has("version")) return say(input, versionText());
    if (verb === "" || verb === "help") return say(input, overview(ociVerbs, globalOptions));
    const entry = Object.hasOwn(ociVerbs, verb) ? ociVerbs[verb] : undefined;
    if (entry === undefined) {
      throw usageError(`run ${verb}: there is no such command`, "see tsman-oci --help");
    }
    if (globals.has("help")) return say(input, verbHelp(verb, entry, await entry.load()));
    return await runVerb(input, globals, { verb, entry, log });
  } catch (thrown) {
    const error = toTsmanError(explainLostDirectory(thrown), "tsman-oci");
    tell(log, "error", messageOf(error));
    if (verb !== "run" && verb !== "exec") return failureStatus;
    return interruptedStatus(error) ?? error.exitStatus;
  }
}

interface Found {
  readonly verb: string;
  readonly entry: OciEntry;
  readonly log: OciLog;
}

async function runVerb(
  input: OciInput,
  globals: OciArguments,
  { verb, entry, log }: Found,
): Promise<number> {
  const command: OciVerb = await entry.load();
  const options = { ...command.options, help: globalOptions.help };
  const most = command.most ?? command.least;
  const stopAt = most === Number.POSITIVE_INFINITY ? command.least : most + 1;
  const args = parseOciArguments(globals.positionals.slice(1), options, stopAt);
  if (args.has("help")) return say(input, verbHelp(verb, entry, command));
  const given = args.positionals.length;
  if (given < command.least || given > most) {
    const what = given < command.least ? "an operand is missing" : "there are too many operands";
    throw usageError(`run ${verb}: ${what}`, `write tsman-oci ${verb} ${command.operands}`);
  }
  return await command.run({
    oci: (interruption) => contextOf(input, globals, log, interruption),
    args,
    stdout: input.stdout,
    stderr: input.stderr,
    cwd: input.cwd,
    environment: input.environment,
  });
}

function contextOf(
  input: OciInput,
  globals: OciArguments,
  log: OciLog,
  interruption: { readonly signal: AbortSignal } | undefined,
): OciContext {
  const chosen = globals.get("root");
  return {
    root: chosen === undefined ? ociRoot() : path.resolve(input.cwd, chosen),
    cacheDir: cacheDirectory(),
    cgroupManager: cgroupManagerOf(globals),
    onWarning: (text) => tell(log, "warning", text),
    get signal() {
      return interruption?.signal;
    },
  };
}

/** Of options that change nothing, values that would not be understood elsewhere. */
function refuseOthers(globals: OciArguments): void {
  const rootless = globals.get("rootless") ?? "auto";
  if (!/^(?:true|false|auto|[tf01]|TRUE|FALSE|True|False|[TF])$/.test(rootless)) {
    throw usageError(`use --rootless ${rootless}: no such value`, "write true, false or auto");
  }
}

function cgroupManagerOf(globals: OciArguments): OciContext["cgroupManager"] {
  const name = globals.get("cgroup-manager") ?? "cgroupfs";
  if (name !== "systemd" && name !== "cgroupfs" && name !== "disabled") {
    const hint = "write systemd, cgroupfs or disabled";
    throw usageError(`use --cgroup-manager ${name}: no such manager`, hint);
  }
  return globals.has("systemd-cgroup") && name === "cgroupfs" ? "systemd" : name;
}

function say({ stdout }: OciInput, text: string): number {
  stdout.write(text);
  return 0;
}

/** In the words by which callers tell what is missing: they have nothing but the text. */
function messageOf(error: TsmanError): string {
  const hint = error.hint === undefined ? "" : ` (${error.hint.replaceAll("\n", "; ")})`;
  return `${error.message}${knownWords(error)}${hint}`;
}

/** Of execve(2), where our own words are others; the rest is named by the kernel's. */
function knownWords({ code, details }: TsmanError): string {
  if (code === "COMMAND_NOT_FOUND") return ": executable file not found in $PATH";
  if (code !== "COMMAND_NOT_EXECUTABLE") return "";
  const errno = String(details.errno);
  if (["EACCES", "EISDIR"].includes(errno)) return ": permission denied";
  return ["ENOEXEC", "ELIBBAD"].includes(errno) ? ": exec format error" : "";
}
