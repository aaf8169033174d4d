import path from "node:path";
import type {
  BindMount,
  ContainerMount,
  MountFlag,
  Propagation,
  VolumeMount,
} from "../../container/options.ts";
import { invalidValue, unsupported } from "../usage-error.ts";
import { checkVolumeName, containerPath } from "./container-path.ts";
import { isMountFlag, isPropagation } from "./mount-flags.ts";

const right =
  "write [SOURCE:]TARGET[:OPTIONS], such as /data:/data:ro, ./src:/src or cache:/var/cache";

/**
 * `-v [SOURCE:]TARGET[:OPTIONS]`.  A source that begins with `/` or `.` is a path of the host (a
 * relative one counts from `cwd`), any other is a volume's name; without a source it is an
 * anonymous volume.
 */
export function parseVolume(text: string, option: string, cwd: string): ContainerMount {
  const parts = text.split(":");
  if (parts.length > 3) throw invalidValue(option, text, "more than three parts", right);
  if (parts.includes("")) throw invalidValue(option, text, "an empty part", right);
  const [first = "", second, third] = parts;
  if (second === undefined) {
    return volume(undefined, containerPath(first, option, text), {});
  }
  const target = containerPath(second, option, text);
  if (target === "/") throw invalidValue(option, text, "the target is the container's root", right);
  const isPath = first.startsWith("/") || first.startsWith(".");
  const words = parseWords(third, option, text, isPath);
  if (!isPath) return volume(checkVolumeName(first, option, text), target, words);
  const source = path.resolve(cwd, first);
  return {
    type: "bind",
    source,
    target,
    readOnly: words.readOnly ?? false,
    recursive: words.recursive ?? true,
    flags: words.flags ?? [],
    ...(words.propagation !== undefined && { propagation: words.propagation }),
    chown: words.chown ?? false,
  } satisfies BindMount;
}

interface VolumeWords {
  readOnly?: boolean;
  recursive?: boolean;
  chown?: boolean;
  copyUp?: boolean;
  flags?: MountFlag[];
  propagation?: Propagation;
}

function volume(name: string | undefined, target: string, words: VolumeWords): VolumeMount {
  return {
    type: "volume",
    ...(name !== undefined && { name }),
    target,
    readOnly: words.readOnly ?? false,
    flags: words.flags ?? [],
    copyUp: words.copyUp ?? true,
  };
}

function parseWords(
  text: string | undefined,
  option: string,
  whole: string,
  isPath: boolean,
): VolumeWords {
  const words: VolumeWords = {};
  for (const word of text?.split(",") ?? []) {
    if (word === "ro" || word === "rw") {
      if (words.readOnly !== undefined && words.readOnly !== (word === "ro")) {
        throw invalidValue(option, whole, "both ro and rw", "choose one");
      }
      words.readOnly = word === "ro";
    } else if (word === "z" || word === "Z") {
      // SELinux relabelling: without an SELinux policy for rootless containers there is nothing to
      // relabel, and Podman too does nothing on such hosts.
    } else if (word === "U") {
      if (!isPath) {
        throw unsupported(
          `${option} …:U with a volume`,
          "only bind mounts can change owner",
          "mount a host directory with :U, or chown inside the container",
        );
      }
      words.chown = true;
    } else if (isPath && (word === "bind" || word === "rbind")) {
      words.recursive = word === "rbind";
    } else if (isPath && isPropagation(word)) {
      words.propagation = word;
    } else if (!isPath && (word === "copy" || word === "nocopy")) {
      words.copyUp = word === "copy";
    } else if (isMountFlag(word)) {
      words.flags = [...(words.flags ?? []), word];
    } else if (word === "O" || word.startsWith("upperdir=") || word.startsWith("workdir=")) {
      throw unsupported(
        `${option} …:O`,
        "no overlay over a host directory",
        "mount it read-only with :ro",
      );
    } else if (word === "idmap" || word.startsWith("idmap=")) {
      throw unsupported(
        `${option} …:idmap`,
        "the kernel maps mounts for the host's root only",
        "use --userns keep-id, or :U",
      );
    } else {
      const known = isPath
        ? "ro, rw, z, Z, U, bind, rbind, private, slave, shared, noexec, nosuid, nodev"
        : "ro, rw, z, Z, copy, nocopy, noexec, nosuid, nodev";
      throw invalidValue(
        option,
        whole,
        `unknown option ${JSON.stringify(word)}`,
        `use some of: ${known}`,
      );
    }
  }
  return words;
}
