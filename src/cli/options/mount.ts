import path from "node:path";
import type { ContainerMount, MountFlag, Propagation } from "../../container/options.ts";
import { invalidValue, unsupported } from "../usage-error.ts";
import { checkVolumeName, containerPath } from "./container-path.ts";
import { splitCsv } from "./csv.ts";
import { isMountFlag, isPropagation } from "./mount-flags.ts";
import { octalMode, truthOf } from "./scalars.ts";
import { parseSize } from "./size.ts";

const right =
  "write type=bind,source=/host/path,target=/path[,ro], type=tmpfs,target=/path or type=volume,source=NAME,target=/path";

type MountType = "bind" | "tmpfs" | "volume";

/** What the keys said, before it is known to be complete. */
interface Gathered {
  source?: string;
  target?: string;
  readOnly?: boolean;
  recursive?: boolean;
  chown?: boolean;
  copyUp?: boolean;
  size?: number;
  mode?: number;
  propagation?: Propagation;
  flags: MountFlag[];
}

/** `--mount type=bind|tmpfs|volume,KEY=VALUE,…` with every spelling of the keys that Podman takes. */
export function parseMount(text: string, option: string, cwd: string): ContainerMount {
  const fields = splitCsv(text);
  if (fields === undefined) throw invalidValue(option, text, "a quote is not closed", right);
  const pairs = fields.map((field) => splitPair(field));
  const type = mountType(pairs, option, text);
  const gathered: Gathered = { flags: [] };
  for (const [key, value] of pairs) {
    if (key === "type") continue;
    if (!gather(gathered, type, key, value, option, text, cwd))
      refuse(type, key, value, option, text);
  }
  return build(type, gathered, option, text);
}

function splitPair(field: string): readonly [key: string, value: string | undefined] {
  const equals = field.indexOf("=");
  return equals < 0 ? [field, undefined] : [field.slice(0, equals), field.slice(equals + 1)];
}

function mountType(
  pairs: readonly (readonly [string, string | undefined])[],
  option: string,
  whole: string,
): MountType {
  const type = pairs.find(([key]) => key === "type")?.[1] ?? "volume";
  if (type === "bind" || type === "tmpfs" || type === "volume") return type;
  if (["image", "glob", "ramfs", "devpts", "artifact", "npipe"].includes(type)) {
    throw unsupported(`${option} type=${type}`, "only bind, tmpfs and volume are", right);
  }
  throw invalidValue(option, whole, `unknown type ${JSON.stringify(type)}`, right);
}

/** Takes one key in; false if this type of mount has no such key. */
function gather(
  into: Gathered,
  type: MountType,
  key: string,
  value: string | undefined,
  option: string,
  whole: string,
  cwd: string,
): boolean {
  const needed = (): string => {
    if (value !== undefined && value !== "") return value;
    throw invalidValue(option, whole, `${key} has no value`, right);
  };
  const truth = (): boolean => (value === undefined ? true : truthOf(value, option, key));
  switch (key) {
    case "target":
    case "dst":
    case "destination":
      into.target = containerPath(needed(), option, whole);
      return true;
    case "ro":
    case "readonly":
      into.readOnly = truth();
      return true;
    case "rw":
      into.readOnly = !truth();
      return true;
    case "consistency":
      // Docker Desktop's advice on caching; it has no meaning on Linux, where all is consistent.
      return true;
    default:
      break;
  }
  if (type !== "tmpfs") {
    if (key === "source" || key === "src") {
      const source = needed();
      into.source =
        type === "bind" ? path.resolve(cwd, source) : checkVolumeName(source, option, whole);
      return true;
    }
  }
  if (type === "bind") {
    if (key === "bind-propagation") {
      const word = needed();
      if (!isPropagation(word)) {
        throw invalidValue(
          option,
          whole,
          `unknown propagation ${JSON.stringify(word)}`,
          "use one of: private, rprivate, slave, rslave, shared, rshared, unbindable, runbindable",
        );
      }
      into.propagation = word;
      return true;
    }
    if (key === "bind-nonrecursive") {
      into.recursive = !truth();
      return true;
    }
    if (key === "relabel") {
      if (value === "shared" || value === "private") return true;
      throw invalidValue(option, whole, "relabel is neither shared nor private", right);
    }
    if (key === "U" || key === "chown") {
      into.chown = truth();
      return true;
    }
  }
  if (type === "tmpfs") {
    if (key === "tmpfs-size" || key === "size") {
      into.size = parseSize(needed(), `${option} ${key}=`);
      return true;
    }
    if (key === "tmpfs-mode" || key === "mode") {
      into.mode = octalMode(needed(), `${option} ${key}=`);
      return true;
    }
    if (key === "tmpcopyup" || key === "notmpcopyup") {
      into.copyUp = (key === "tmpcopyup") === truth();
      return true;
    }
  }
  if (type === "volume" && (key === "copy" || key === "nocopy" || key === "volume-nocopy")) {
    into.copyUp = (key === "copy") === truth();
    return true;
  }
  if (value === undefined && isMountFlag(key)) {
    into.flags.push(key);
    return true;
  }
  return false;
}

const unsupportedKeys: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  idmap: [
    "the kernel maps mounts for the host's root only",
    "use --userns keep-id, or U on a bind mount",
  ],
  "volume-opt": ["volumes have no drivers", "mount a host directory with type=bind"],
  "volume-driver": ["volumes have no drivers", "mount a host directory with type=bind"],
  subpath: ["a volume is mounted as a whole", "mount it elsewhere and use the directory below"],
  "volume-subpath": [
    "a volume is mounted as a whole",
    "mount it elsewhere and use the directory below",
  ],
  "no-dereference": [
    "a bind mount follows the source's links",
    "give the path that the link points to",
  ],
};

function refuse(
  type: MountType,
  key: string,
  value: string | undefined,
  option: string,
  whole: string,
): never {
  const known = unsupportedKeys[key];
  if (known !== undefined) throw unsupported(`${option} ${key}`, known[0], known[1]);
  if ((key === "U" || key === "chown") && type === "volume") {
    throw unsupported(
      `${option} ${key} with a volume`,
      "only bind mounts can change owner",
      "mount a host directory with U, or chown inside the container",
    );
  }
  const shown = value === undefined ? key : `${key}=${value}`;
  throw invalidValue(option, whole, `a ${type} mount has no ${JSON.stringify(shown)}`, right);
}

function build(type: MountType, from: Gathered, option: string, whole: string): ContainerMount {
  if (from.target === undefined) throw invalidValue(option, whole, "the target is missing", right);
  if (from.target === "/")
    throw invalidValue(option, whole, "the target is the container's root", right);
  const shared = { target: from.target, readOnly: from.readOnly ?? false, flags: from.flags };
  if (type === "tmpfs") {
    return {
      type,
      ...shared,
      ...(from.size !== undefined && { size: from.size }),
      ...(from.mode !== undefined && { mode: from.mode }),
      copyUp: from.copyUp ?? true,
    };
  }
  if (type === "volume") {
    return {
      type,
      ...(from.source !== undefined && { name: from.source }),
      ...shared,
      copyUp: from.copyUp ?? true,
    };
  }
  if (from.source === undefined) throw invalidValue(option, whole, "the source is missing", right);
  return {
    type,
    source: from.source,
    ...shared,
    recursive: from.recursive ?? true,
    ...(from.propagation !== undefined && { propagation: from.propagation }),
    chown: from.chown ?? false,
  };
}
