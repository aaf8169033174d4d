import path from "node:path";
import { attached } from "../../cli/oci/attached.ts";
import { processOptions, processRequest } from "../../cli/oci/create-options.ts";
import { parseGid, parseVariable, refuseBeside } from "../../cli/oci/exec-arguments.ts";
import type { OciVerb } from "../../cli/oci/verb.ts";

/** `exec [--process FILE] ID [COMMAND…]` */
export const exec: OciVerb = {
  operands: "ID [COMMAND [ARGUMENT...]]",
  options: {
    process: { kind: "value", char: "p", value: "FILE", summary: "`process` of a config.json" },
    detach: { kind: "flag", char: "d", summary: "do not wait for its end" },
    tty: { kind: "flag", char: "t", summary: "give it a terminal" },
    env: { kind: "list", char: "e", value: "NAME=VALUE", summary: "add to its environment" },
    user: { kind: "value", char: "u", value: "UID[:GID]", summary: "who it runs as" },
    "additional-gids": { kind: "list", char: "g", value: "GID", summary: "more groups" },
    cwd: { kind: "value", value: "DIR", summary: "its working directory" },
    cap: { kind: "list", char: "c", value: "CAP_NAME", summary: "one more capability" },
    "no-new-privs": { kind: "flag", summary: "it may gain no privileges" },
    apparmor: { kind: "value", value: "PROFILE", summary: "its AppArmor profile" },
    cgroup: { kind: "value", value: "PATH", summary: "a group in the container's" },
    "ignore-paused": { kind: "flag", summary: "in a paused container too, where it waits" },
    "process-label": { kind: "value", value: "LABEL", summary: "its SELinux label" },
    ...processOptions,
  },
  least: 1,
  most: Number.POSITIVE_INFINITY,
  run: async (context) => {
    const { oci, args, cwd, environment } = context;
    const [id = "", ...command] = args.positionals;
    const file = args.get("process");
    if (file !== undefined) refuseBeside(args, command);
    const { execInOciContainer } = await import("../../engine/oci/exec-oci-container.ts");
    const request = {
      id,
      processFile: file === undefined ? undefined : path.resolve(cwd, file),
      args: command,
      cwd: args.get("cwd"),
      env: args.list("env").map(parseVariable),
      user: args.get("user"),
      additionalGids: args.list("additional-gids").map(parseGid),
      terminal: args.has("tty"),
      capabilities: args.list("cap").map((name) => name.toUpperCase().replace(/^(?!CAP_)/, "CAP_")),
      noNewPrivileges: args.has("no-new-privs"),
      apparmorProfile: args.get("apparmor"),
      selinuxLabel: args.get("process-label"),
      subgroup: args.get("cgroup"),
      ignorePaused: args.has("ignore-paused"),
      detach: args.has("detach"),
      ...processRequest(args, cwd, environment),
    };
    return await attached(
      (side, interruption) => execInOciContainer(oci(interruption), request, side),
      context,
    );
  },
};
