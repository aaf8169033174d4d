import type { NamespaceRequest } from "../../container/options.ts";
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
