import { TsmanError } from "../errors/index.ts";
import { capabilityNames } from "../oci/runtime-spec.ts";

/** Podman's default set (containers.conf(5), `default_capabilities`). */
export const defaultCapabilities: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

/** What {@link resolveCapabilities} takes. */
export interface CapabilityRequest {
  /** `--cap-add`, `--cap-drop`: names with or without `CAP_`, any case, or `ALL`. */
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
  /** Number of the highest capability that the kernel knows. */
  readonly lastCapability: number;
}

/**
 * The bounding set of a container, sorted by the kernel's numbers.
 *
 * @throws TsmanError USAGE on an unknown name, or one that is both added and dropped
 */
export function resolveCapabilities(request: CapabilityRequest): string[] {
  const known = capabilityNames.slice(0, request.lastCapability + 1);
  const add = request.add.map((name) => normalName(name, "--cap-add"));
  const drop = request.drop.map((name) => normalName(name, "--cap-drop"));
  const both = add.find((name) => drop.includes(name));
  if (both !== undefined) {
    throw new TsmanError(
      "USAGE",
      `use --cap-add ${both} with --cap-drop ${both}: both add and drop`,
      { hint: `give ${both} to one of the two options` },
    );
  }
  const unsupported = add.find(
    (name) => name !== "ALL" && !(known as readonly string[]).includes(name),
  );
  if (unsupported !== undefined) {
    throw new TsmanError("USAGE", `use --cap-add ${unsupported}: this kernel does not know it`);
  }
  const base = request.privileged || add.includes("ALL") ? known : defaultCapabilities;
  const kept = drop.includes("ALL") ? [] : base.filter((name) => !drop.includes(name));
  const wanted = new Set([...kept, ...add]);
  return known.filter((name) => wanted.has(name));
}

function normalName(text: string, option: string): string {
  const upper = text.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if ((capabilityNames as readonly string[]).includes(name)) return name;
  throw new TsmanError("USAGE", `use ${option} ${JSON.stringify(text)}: no such capability`, {
    hint: "write a name of capabilities(7), such as NET_RAW, or ALL",
  });
}
