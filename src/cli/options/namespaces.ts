import path from "node:path";
import type { NamespaceRequest } from "../../container/options.ts";
import { invalidValue, unsupported } from "../usage-error.ts";

/** `--pid`, `--ipc`, `--uts`: `private`, `host`, `container:NAME` or `ns:PATH`. */
export function parseNamespace(text: string, option: string): NamespaceRequest {
  const right = `use ${option} private, host, container:NAME or ns:PATH`;
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
  if (text.startsWith("ns:")) {
    return { mode: "path", path: namespacePath(text.slice("ns:".length), text, option, right) };
  }
  if (text === "none" || text === "pod") {
    throw unsupported(`${option} ${text}`, "no such mode here", right);
  }
  throw invalidValue(option, text, "no such mode", right);
}

/** The path of `ns:PATH`; the namespace is looked at when it is joined. */
export function namespacePath(what: string, text: string, option: string, right: string): string {
  if (what === "") throw invalidValue(option, text, "the namespace's path is missing", right);
  return path.resolve(what);
}

/** How a mode is written. */
export function modeText({ mode }: { readonly mode: string }): string {
  return mode === "path" ? "ns:PATH" : mode;
}
