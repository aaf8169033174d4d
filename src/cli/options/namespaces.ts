import type { NamespaceRequest, UsernsRequest } from "../../container/options.ts";
import { invalidValue, unsupported } from "../usage-error.ts";

/** `--pid`, `--ipc`, `--uts`: `private`, `host` or `container:NAME`. */
export function parseNamespace(text: string, option: string): NamespaceRequest {
  const right = `use ${option} private, host or container:NAME`;
  if (text === "" || text === "private" || (option === "--ipc" && text === "shareable")) {
    return { mode: "private" };
  }
  if (text === "host") return { mode: "host" };
  if (text.startsWith("container:")) {
    const container = text.slice("container:".length);
    if (container === "")
      throw invalidValue(option, text, "the container's name is missing", right);
    return { mode: "container", container };
  }
  if (text === "none" || text === "pod" || text.startsWith("ns:")) {
    throw unsupported(`${option} ${text}`, "no such mode here", right);
  }
  throw invalidValue(option, text, "no such mode", right);
}

const usernsRight = "use host, keep-id[:uid=N,gid=N] or nomap";

/** `--userns`: `host` is the default mapping, as with rootless Podman. */
export function parseUserns(text: string, option: string): UsernsRequest {
  if (text === "" || text === "host") return { mode: "default" };
  if (text === "nomap") return { mode: "nomap" };
  const [mode = "", ...rest] = text.split(":");
  if (mode === "keep-id") return keepId(rest.join(":"), text, option);
  if (["auto", "container", "ns", "private", "pod"].includes(mode)) {
    throw unsupported(`${option} ${mode}`, "no such mapping here", usernsRight);
  }
  throw invalidValue(option, text, "no such mode", usernsRight);
}

function keepId(text: string, whole: string, option: string): UsernsRequest {
  let uid: number | undefined;
  let gid: number | undefined;
  for (const pair of text === "" ? [] : text.split(",")) {
    const match = /^(uid|gid)=(\d{1,9})$/.exec(pair);
    if (match === null) {
      throw invalidValue(
        option,
        whole,
        `${JSON.stringify(pair)} is neither uid=N nor gid=N`,
        usernsRight,
      );
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
