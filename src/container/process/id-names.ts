import { closeSync, constants, openSync } from "node:fs";
import { readSmallFile } from "../../platform/atomic-file.ts";
import { readFileInRoot } from "../../platform/open-in-root.ts";
import { numbersOf, readProcText } from "./proc-file.ts";

/** Names of user and group ids. */
export interface IdNames {
  readonly user: (id: number) => string;
  readonly group: (id: number) => string;
}

/** /etc/passwd of a directory service that writes one has some hundred thousand lines. */
const maxBytes = 4 * 1024 * 1024;

/** The names of the host's own files; an id without one is shown as the number. */
export function hostNames(): IdNames {
  const read = (file: string): Map<number, string> => {
    try {
      return parseNames(readSmallFile(file, maxBytes).toString());
    } catch {
      return new Map();
    }
  };
  return namesOf(read("/etc/passwd"), read("/etc/group"));
}

/**
 * The names that a container has for the ids of its processes as the host sees them.  Its files are
 * its own: they are looked up within its root, and only bounded regular ones are read.
 */
export function namesInContainer(init: number): IdNames {
  const root = openRoot(init);
  try {
    const read = (file: string): Map<number, string> => {
      const bytes = root === undefined ? undefined : readFileInRoot(root, file, maxBytes);
      return bytes === undefined ? new Map() : parseNames(bytes.toString());
    };
    const names = namesOf(read("etc/passwd"), read("etc/group"));
    const users = parseIdMap(readProcText(init, "uid_map") ?? "");
    const groups = parseIdMap(readProcText(init, "gid_map") ?? "");
    return {
      user: (id) => inside(users, id, names.user),
      group: (id) => inside(groups, id, names.group),
    };
  } finally {
    if (root !== undefined) closeSync(root);
  }
}

function openRoot(init: number): number | undefined {
  try {
    return openSync(`/proc/${init}/root`, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined;
  }
}

function namesOf(users: Map<number, string>, groups: Map<number, string>): IdNames {
  return {
    user: (id) => users.get(id) ?? String(id),
    group: (id) => groups.get(id) ?? String(id),
  };
}

/** passwd(5) and group(5) alike: the name is the first field, the id the third; first lines win. */
export function parseNames(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name === undefined || name === "" || id === undefined || !/^\d{1,10}$/.test(id)) continue;
    if (!names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}

type IdMapLine = readonly [inside: number, outside: number, count: number];

/** `/proc/PID/uid_map` as the caller's user namespace sees it: user_namespaces(7). */
export function parseIdMap(text: string): readonly IdMapLine[] {
  return text
    .split("\n")
    .map(numbersOf)
    .filter((numbers) => numbers.length === 3)
    .map(([first = 0, outside = 0, count = 0]) => [first, outside, count]);
}

/** An id that the container does not know has no name there. */
function inside(map: readonly IdMapLine[], id: number, name: (id: number) => string): string {
  const line = map.find(([, outside, count]) => id >= outside && id < outside + count);
  return line === undefined ? "?" : name(line[0] + id - line[1]);
}
