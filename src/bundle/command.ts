import path from "node:path";
import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { ImageExecution } from "../oci/image-config.ts";
import type { UserRequest } from "./bundle.ts";
import { cleanContainerPath } from "./container-path.ts";

/** The program and why it is that one. */
export interface Command {
  readonly args: readonly string[];
  readonly because: string;
}

/**
 * ENTRYPOINT and CMD as Docker merges them: `--entrypoint` drops the image's CMD too, arguments
 * replace CMD only.
 *
 * @throws TsmanError USAGE when nothing is left to run
 */
export function resolveCommand(
  options: Pick<ContainerOptions, "command" | "entrypoint">,
  image: Pick<ImageExecution, "entrypoint" | "cmd"> | undefined,
): Command {
  const entrypoint = options.entrypoint ?? image?.entrypoint ?? [];
  const imageCommand = options.entrypoint === undefined ? (image?.cmd ?? []) : [];
  const command = options.command.length > 0 ? options.command : imageCommand;
  const args = [...entrypoint, ...command];
  const first = args[0];
  if (first === undefined || first === "") {
    throw new TsmanError("USAGE", "run container: no command, and the image names none", {
      hint: "write the command after the image",
    });
  }
  const sources = [
    ...(entrypoint.length === 0
      ? []
      : [options.entrypoint === undefined ? "image ENTRYPOINT" : "--entrypoint"]),
    ...(command.length === 0 ? [] : [options.command.length > 0 ? "command line" : "image CMD"]),
  ];
  return { args, because: sources.join(" and ") };
}

/** The working directory, and whether it is made when missing (an image's is, as in Podman). */
export interface Workdir {
  readonly path: string;
  readonly create: boolean;
  readonly because: string;
}

/**
 * `-w`, else the image's WORKDIR, else `/`.
 *
 * @throws TsmanError USAGE when `-w` is relative
 */
export function resolveWorkdir(option: string | undefined, imageWorkdir: string): Workdir {
  if (option !== undefined && option !== "") {
    if (!path.posix.isAbsolute(option)) {
      throw new TsmanError(
        "USAGE",
        `use --workdir ${JSON.stringify(option)}: not an absolute path`,
        { hint: "give the directory as an absolute path of the container" },
      );
    }
    return { path: cleanContainerPath(option), create: false, because: "--workdir" };
  }
  if (imageWorkdir !== "") {
    return { path: cleanContainerPath(imageWorkdir), create: true, because: "image WORKDIR" };
  }
  return { path: "/", create: false, because: "default" };
}

/** Who runs the program, the numeric ids if they are known without the image's files. */
export interface ResolvedUser extends UserRequest {
  readonly uid?: number;
  readonly gid?: number;
  readonly because: string;
}

const maxId = 0xffff_fffe;

/**
 * `-u`, else with `--userns keep-id` the ids that the caller has inside, else the image's USER.
 * Names are resolved by init inside the root; a number is checked here, so that no spelling of one
 * ever becomes uid 0 by accident (S22).
 *
 * @throws TsmanError USAGE on an empty part, a sign, blanks or a number that is no id
 */
export function resolveUser(
  options: Pick<ContainerOptions, "user" | "groupAdd" | "userns">,
  imageUser: string,
  keepIds: { readonly uid: number; readonly gid: number; readonly userName?: string | undefined },
): ResolvedUser {
  const groups = options.groupAdd.filter((group) => group !== "keep-groups");
  const keepGroups = options.groupAdd.includes("keep-groups");
  if (keepGroups && groups.length > 0) {
    throw new TsmanError("USAGE", "use --group-add keep-groups: not together with other groups");
  }
  for (const group of groups) checkPart(group, "--group-add", group);
  const { spec, because } = userSpec(options, imageUser, keepIds);
  if (spec === "") return { spec, groups, keepGroups, uid: 0, gid: 0, because };
  const option = because === "image USER" ? because : "--user";
  const colon = spec.indexOf(":");
  const user = colon < 0 ? spec : spec.slice(0, colon);
  const group = colon < 0 ? undefined : spec.slice(colon + 1);
  const uid = checkPart(user, option, spec);
  const gid = group === undefined ? undefined : checkPart(group, option, spec);
  return {
    spec,
    groups,
    keepGroups,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    // A name that a list of words cannot hold is no loss.
    ...(because === keepId && /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/.test(keepIds.userName ?? "")
      ? { entryName: keepIds.userName }
      : {}),
    because,
  };
}

const keepId = "--userns keep-id";

function userSpec(
  options: Pick<ContainerOptions, "user" | "userns">,
  imageUser: string,
  keepIds: { readonly uid: number; readonly gid: number },
): { spec: string; because: string } {
  if (options.user !== undefined) return { spec: options.user, because: "--user" };
  if (options.userns.mode === "keep-id") {
    const uid = options.userns.uid ?? keepIds.uid;
    const gid = options.userns.gid ?? keepIds.gid;
    return { spec: `${uid}:${gid}`, because: keepId };
  }
  return { spec: imageUser, because: imageUser === "" ? "default" : "image USER" };
}

/** The number that a part of a user specification is, or undefined for a name. */
function checkPart(part: string, option: string, spec: string): number | undefined {
  const refuse = (why: string): never => {
    throw new TsmanError("USAGE", `use ${option} ${JSON.stringify(spec)}: ${why}`, {
      hint: "write a name or a number for user and group: NAME, UID, NAME:GROUP or UID:GID",
    });
  };
  if (part === "") {
    // What `-u "$UID:$GID"` says without the variables must not be root by accident.
    refuse("an empty name; root is 0");
  }
  if (/^\d+$/.test(part)) {
    const id = part.length <= 10 ? Number(part) : Number.NaN;
    if (!(id <= maxId)) refuse(`${part} is no id, the highest is ${maxId}`);
    return id;
  }
  // shadow's names, and what directory services add to them (user@domain, DOMAIN\user, machine$).
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?$/.test(part)) refuse("not a name or number");
  return undefined;
}
