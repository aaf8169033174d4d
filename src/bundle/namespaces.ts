import type { ContainerOptions, UsernsRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { Namespace, NamespaceType } from "../oci/runtime-spec.ts";
import type { BundleRequest } from "./bundle.ts";
import { askedJoins } from "./joins.ts";

/** Those whose other modes are `private`, `host` and the like. */
const plainOptions = ["pid", "ipc", "uts", "network"] as const;
const fileNames: Partial<Record<NamespaceType, string>> = { network: "net" };

/** Whether a namespace of another container is joined, and with it that one's user namespace. */
export function isJoined(options: ContainerOptions): boolean {
  return askedJoins(options).length > 0;
}

/** All `container:NAME` modes must name one container: a process has one user namespace. */
export function checkJoins(options: ContainerOptions, request: BundleRequest): void {
  const names = new Set(askedJoins(options).map(({ container }) => container));
  if (names.size > 1) {
    throw new TsmanError(
      "USAGE",
      `join namespaces of ${[...names].join(" and ")}: they are in different user namespaces`,
      { hint: "name the same container in all container:NAME options" },
    );
  }
  if (names.size === 1 && request.join === undefined) {
    throw new TsmanError("INTERNAL", `join namespaces of ${[...names][0]}: it was not looked up`);
  }
  if (names.size === 1 && options.userns.mode !== "default") {
    throw new TsmanError(
      "USAGE",
      `use ${usernsOption(options.userns.mode)}: the user namespace is that of ${[...names][0]}`,
      { hint: "leave it out, or join no other container" },
    );
  }
}

/** How the user writes it. */
function usernsOption(mode: UsernsRequest["mode"]): string {
  if (mode === "map") return "--uidmap";
  return mode === "subid" ? "--subuidname" : `--userns ${mode}`;
}

/** The container's namespaces: new ones, the host's by omission, or another container's by path. */
export function resolveNamespaces(request: BundleRequest): (Namespace & { because: string })[] {
  const { options, join } = request;
  const joined = (type: NamespaceType, because: string): Namespace & { because: string } => ({
    type,
    path: `/proc/${join?.pid}/ns/${fileNames[type] ?? type}`,
    because,
  });
  const found: (Namespace & { because: string })[] = [];
  const [first] = askedJoins(options);
  if (first !== undefined) {
    found.push(joined("user", `--${first.option} container:${first.container}`));
  } else {
    const { mode } = options.userns;
    found.push({ type: "user", because: mode === "default" ? "default" : usernsOption(mode) });
  }
  found.push({ type: "mount", because: "default" });
  for (const type of plainOptions) {
    const asked = options[type];
    if (asked.mode === "host") continue;
    if (asked.mode === "container") {
      found.push(joined(type, `--${type} container:${asked.container}`));
    } else if (asked.mode === "path") {
      found.push({ type, path: asked.path, because: `--${type} ns:${asked.path}` });
    } else {
      const isDefault = asked.mode === "private" || asked.mode === "slirp4netns";
      found.push({ type, because: isDefault ? "default" : `--${type} ${asked.mode}` });
    }
  }
  const { namespace, isHostNamespace } = options.cgroup ?? {};
  if (namespace?.mode === "container") {
    found.push(joined("cgroup", `--cgroupns container:${namespace.container}`));
  } else if (namespace?.mode === "path") {
    found.push({
      type: "cgroup",
      path: namespace.path,
      because: `--cgroupns ns:${namespace.path}`,
    });
  } else if (!isHostNamespace) {
    found.push({ type: "cgroup", because: "default" });
  }
  return found;
}
