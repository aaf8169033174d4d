import path from "node:path";
import type { CreateRequest, OciContext } from "../../engine/oci/oci-types.ts";
import { givenDescriptors } from "../given-descriptors.ts";
import type { OciArguments, OciOptions } from "./arguments.ts";
import type { OciVerbContext } from "./verb.ts";

/** Options of whatever starts a process on a terminal, for somebody who waits for it. */
export const processOptions = {
  "console-socket": {
    kind: "value",
    value: "SOCKET",
    summary: "a unix socket that gets the terminal's master",
  },
  "pid-file": { kind: "value", value: "FILE", summary: "write the pid there" },
  "preserve-fds": {
    kind: "value",
    value: "N",
    summary: "pass the descriptors from 3 to 2 + N on, besides those of LISTEN_FDS",
  },
  "no-new-keyring": { kind: "flag", summary: "keep the caller's session keyring" },
  "no-subreaper": { kind: "flag", summary: "accepted: tsman-oci never is one" },
} as const satisfies OciOptions;

/** Options of `create` and `run`. */
export const createOptions = {
  bundle: { kind: "value", char: "b", value: "DIR", summary: "the bundle (.)" },
  config: { kind: "value", char: "f", value: "NAME", summary: "its configuration (config.json)" },
  "no-pivot": { kind: "flag", summary: "without effect: the root is always left by pivot_root(2)" },
  ...processOptions,
} as const satisfies OciOptions;

/** What `create` and `run` ask the engine for. */
export function createRequest(
  { args, cwd, environment }: OciVerbContext,
  { onWarning }: OciContext,
): CreateRequest {
  // Below a root that is only covered the host's stays in reach of who may unmount.
  if (args.has("no-pivot"))
    onWarning("--no-pivot has no effect: the root is left by pivot_root(2)");
  return {
    id: args.positionals[0] ?? "",
    bundleDir: path.resolve(cwd, args.get("bundle") ?? "."),
    configFile: args.get("config"),
    ...processRequest(args, cwd, environment),
  };
}

/** The part of a request that {@link processOptions} make. */
export function processRequest(
  args: OciArguments,
  cwd: string,
  environment: OciVerbContext["environment"],
): Pick<CreateRequest, "consoleSocket" | "pidFile" | "preserveFds" | "listenFds" | "newKeyring"> {
  const absolute = (name: string): string | undefined => {
    const value = args.get(name);
    return value === undefined ? undefined : path.resolve(cwd, value);
  };
  return {
    consoleSocket: absolute("console-socket"),
    pidFile: absolute("pid-file"),
    listenFds: listenFds(environment),
    preserveFds: preservedCount(args.count("preserve-fds"), environment),
    newKeyring: !args.has("no-new-keyring"),
  };
}

/** How many of the caller's descriptors go into the container; none of ours does. */
function preservedCount(asked: number, environment: OciVerbContext["environment"]): number {
  const sockets = listenFds(environment);
  const words = [
    ...(sockets > 0 ? [`LISTEN_FDS=${sockets}`] : []),
    ...(asked > 0 ? [`--preserve-fds ${asked}`] : []),
  ];
  return givenDescriptors(sockets + asked, words.join(" and "), environment).length;
}

/** sd_listen_fds(3): sockets that a service manager passes on. */
function listenFds(environment: OciVerbContext["environment"]): number {
  const text = environment.LISTEN_FDS ?? "";
  return /^\d{1,3}$/.test(text) ? Number(text) : 0;
}
