import { chmodSync, lstatSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { toFileError } from "../../platform/errno.ts";
import { randomHex } from "../../platform/random.ts";
import { adoptPaths } from "../adopt-paths.ts";
import type { EngineContext } from "../context.ts";
import { configFileName } from "./find-container.ts";
import type { ContainerPlan } from "./plan-container.ts";

/** `containers/<id>`: config.json and the artefacts; volumes too, since they have to exist. */
export async function writeBundle(context: EngineContext, planned: ContainerPlan): Promise<void> {
  const { containers, volumes } = context.store;
  const dir = containers.dir(planned.id);
  // What an earlier start has written may be mounted, or just being mounted by another start that
  // is faster: it is left alone when it is right, and else replaced, never written over.
  const suffix = planned.isNew ? "" : `.${randomHex(6)}.new`;
  const written: string[] = [];
  const write = (name: string, content: string, mode: number): void => {
    const file = path.join(dir, `${name}${suffix}`);
    if (!planned.isNew && isWritten(path.join(dir, name), content)) return;
    writeFileSync(file, content, { mode: 0o600 });
    if (mode !== 0o600) chmodSync(file, mode);
    written.push(file);
  };
  try {
    write(configFileName, JSON.stringify(planned.bundle.config), 0o600);
    // Bound into the container, whose users must be able to read it.
    for (const { name, content } of planned.bundle.artefacts) write(name, content, 0o644);
    const artefacts = written.filter((file) => !path.basename(file).startsWith(configFileName));
    await adoptPaths(context, artefacts, planned.mapping);
    if (suffix !== "") {
      for (const file of written) renameSync(file, file.slice(0, -suffix.length));
    }
  } catch (error) {
    throw toFileError(error, `write container ${planned.name}`);
  }
  containers.ensureRunDir(planned.id);
  for (const volume of planned.volumes) {
    volumes.ensure(volume.volumeName, { isAnonymous: volume.name === undefined });
  }
}

/** Whether a file of the container's directory says this already. */
function isWritten(file: string, content: string): boolean {
  try {
    const bytes = Buffer.from(content);
    return lstatSync(file).size === bytes.length && readFileSync(file).equals(bytes);
  } catch {
    return false;
  }
}
