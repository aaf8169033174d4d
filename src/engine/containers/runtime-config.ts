import { readFileSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../../errors/index.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { configFileName } from "./find-container.ts";

/**
 * The OCI runtime configuration that a container was started with.
 *
 * Only its shape is looked at: it was written by tsman, from validated documents, into a directory
 * of mode 0700, and whoever can change it can do all that it says.
 *
 * @throws TsmanError STORE_CORRUPT when it is missing or damaged: nothing is made up in its place,
 * since what it restricts would be unrestricted then.
 */
export function readRuntimeConfig(context: EngineContext, record: ContainerRecord): RuntimeSpec {
  const file = path.join(context.store.containers.dir(record.id), configFileName);
  let cause: unknown;
  try {
    const document: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (isRuntimeSpec(document)) return document;
  } catch (error) {
    cause = error;
  }
  throw new TsmanError(
    "STORE_CORRUPT",
    `read the configuration of container ${record.name}: ${file} is missing or damaged`,
    { hint: `make the container anew: tsman rm --force ${record.name}`, cause },
  );
}

function isRuntimeSpec(document: unknown): document is RuntimeSpec {
  if (!isObject(document)) return false;
  const { process, linux } = document;
  if (!isObject(process) || !isObject(linux)) return false;
  const { user, capabilities } = process;
  return (
    isObject(user) &&
    typeof user.username === "string" &&
    typeof user.umask === "number" &&
    typeof process.cwd === "string" &&
    typeof process.noNewPrivileges === "boolean" &&
    isObject(capabilities) &&
    [
      process.env,
      process.rlimits,
      linux.uidMappings,
      linux.gidMappings,
      capabilities.bounding,
    ].every(Array.isArray)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
