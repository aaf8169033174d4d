import type { IdMapRequest, UsernsRequest } from "../../container/options.ts";
import { invalidValue, unsupported, usageError } from "../usage-error.ts";

const right = "use host, keep-id[:uid=N,gid=N], auto[:size=N,uidmapping=…,gidmapping=…] or nomap";

/** `--userns`: `host` is the default mapping, as with rootless Podman. */
export function parseUserns(text: string, option: string): UsernsRequest {
  if (text === "" || text === "host") return { mode: "default" };
  if (text === "nomap") return { mode: "nomap" };
  const colon = text.indexOf(":");
  const mode = colon < 0 ? text : text.slice(0, colon);
  const words = colon < 0 ? [] : text.slice(colon + 1).split(",");
  if (mode === "keep-id") return keepId(words, text, option);
  if (mode === "auto") return automatic(words, text, option);
  if (["container", "ns", "private", "pod"].includes(mode)) {
    throw unsupported(`${option} ${mode}`, "no such mapping here", right);
  }
  throw invalidValue(option, text, "no such mode", right);
}

function keepId(words: readonly string[], whole: string, option: string): UsernsRequest {
  let uid: number | undefined;
  let gid: number | undefined;
  for (const word of words) {
    const match = /^(uid|gid)=(\d{1,9})$/.exec(word);
    if (match === null) {
      const why = `${JSON.stringify(word)} is neither uid=N nor gid=N`;
      throw invalidValue(option, whole, why, right);
    }
    if (match[1] === "uid") uid = Number(match[2]);
    else gid = Number(match[2]);
  }
  return {
    mode: "keep-id",
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  };
}

function automatic(words: readonly string[], whole: string, option: string): UsernsRequest {
  let size: number | undefined;
  const uid: IdMapRequest[] = [];
  const gid: IdMapRequest[] = [];
  for (const word of words) {
    const [, key, value = ""] = /^(size|uidmapping|gidmapping)=(.+)$/.exec(word) ?? [];
    if (key === "size" && /^[1-9]\d{0,9}$/.test(value)) size = Number(value);
    else if (key === "uidmapping") uid.push(parseIdMap(value, option));
    else if (key === "gidmapping") gid.push(parseIdMap(value, option));
    else {
      const why = `${JSON.stringify(word)} is none of size=N, uidmapping=… and gidmapping=…`;
      throw invalidValue(option, whole, why, right);
    }
  }
  return { mode: "auto", ...(size !== undefined && { size }), uid, gid };
}

/** `--uidmap`, `--gidmap`: `CONTAINER:FROM[:COUNT]`, FROM counting yours or `@` an id of the host. */
export function parseIdMap(text: string, option: string): IdMapRequest {
  const match = /^(\d{1,10}):(@?)(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  if (match === null) {
    throw invalidValue(
      option,
      text,
      "not CONTAINER:FROM[:COUNT]",
      "write container id, first id (0 is you, 1 and up your subordinate ids, @N id N of the host) and count",
    );
  }
  const [, inside, at, outside, count = "1"] = match;
  return {
    inside: Number(inside),
    outside: Number(outside),
    count: Number(count),
    isHostId: at === "@",
  };
}

/** What the options on the id mapping say together; undefined: nothing. */
export function usernsRequest(values: {
  readonly userns: UsernsRequest | undefined;
  readonly uidmap: readonly IdMapRequest[];
  readonly gidmap: readonly IdMapRequest[];
  readonly subuidname: string | undefined;
  readonly subgidname: string | undefined;
}): UsernsRequest | undefined {
  const { userns, uidmap, gidmap, subuidname, subgidname } = values;
  const given = [
    ...(userns === undefined ? [] : ["--userns"]),
    ...(uidmap.length + gidmap.length === 0 ? [] : ["--uidmap"]),
    ...(subuidname === undefined && subgidname === undefined ? [] : ["--subuidname"]),
  ];
  if (given.length > 1) {
    throw usageError(`${given.join(" and ")} exclude each other`, "give one of them");
  }
  // What is said of users only holds for groups too, as with Podman.
  if (uidmap.length + gidmap.length > 0) {
    const uid = uidmap.length > 0 ? uidmap : gidmap;
    return { mode: "map", uid, gid: gidmap.length > 0 ? gidmap : uid };
  }
  const name = subuidname ?? subgidname;
  if (name === undefined) return userns;
  return { mode: "subid", uid: subuidname ?? name, gid: subgidname ?? name };
}
