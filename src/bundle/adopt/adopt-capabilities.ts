import type { ProcessConfig } from "../../oci/runtime-config.ts";
import { type Capabilities, capabilityNames } from "../../oci/runtime-spec.ts";

/** The capabilities of a process that can be granted, and what is to be said of the others. */
export interface AdoptedCapabilities {
  readonly capabilities: Capabilities;
  readonly warnings: readonly string[];
}

/**
 * `process.capabilities` without what cannot be granted: a warning and no refusal, as
 * runtime-spec/config.md, "Linux Process", asks.  Pure.
 *
 * @param grantable what the user namespace's creator can give; undefined: all that there are.
 */
export function adoptCapabilities(
  { capabilities: asked = {} }: ProcessConfig,
  grantable: readonly string[] | undefined,
): AdoptedCapabilities {
  const all = new Set(Object.values(asked).flatMap((names) => names ?? []));
  const known = capabilityNames as readonly string[];
  const warnings: string[] = [];
  const granted = new Set<string>();
  for (const name of all) {
    if (!known.includes(name)) {
      warnings.push(`/process/capabilities: ${name} is not known, and left out`);
    } else if (grantable !== undefined && !grantable.includes(name)) {
      warnings.push(`/process/capabilities: ${name} cannot be granted: tsman-oci lacks it itself`);
    } else granted.add(name);
  }
  // capset(2) refuses all of a request for one that breaks these rules.
  const within = (
    name: keyof Capabilities,
    ...others: readonly { readonly name: string; readonly of: readonly string[] }[]
  ): readonly string[] =>
    (asked[name] ?? []).filter((one) => {
      if (!granted.has(one)) return false;
      const missing = others.find(({ of }) => !of.includes(one));
      if (missing === undefined) return true;
      const why = `${one} cannot be granted: it is not in ${missing.name}`;
      warnings.push(`/process/capabilities/${name}: ${why}`);
      return false;
    });
  const bounding = within("bounding");
  const permitted = within("permitted");
  const effective = within("effective", { name: "permitted", of: permitted });
  const inheritable = within("inheritable", { name: "bounding", of: bounding });
  const ambient = within(
    "ambient",
    { name: "permitted", of: permitted },
    { name: "inheritable", of: inheritable },
  );
  return { capabilities: { bounding, effective, permitted, inheritable, ambient }, warnings };
}
