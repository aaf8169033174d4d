import { chmodSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { toFileError } from "../../platform/errno.ts";
import { adoptPaths } from "../adopt-paths.ts";
import type { EngineContext } from "../context.ts";
import { configFileName } from "./find-container.ts";
import type { ContainerPlan } from "./plan-container.ts";

/** `containers/<id>`: config.json and the artefacts; volumes too, since they have to exist. */
export async function writeBundle(context: EngineContext, planned: ContainerPlan): Promise<void> {
  const { containers, volumes } = context.store;
  const dir = containers.dir(planned.id);
  // What an earlier start has written may still be mounted: it is replaced, never written over.
  const suffix = planned.isNew ? "" : ".new";
  const written: string[] = [];
  const write = (name: string, content: string, mode: number): void => {
    const file = path.join(dir, `${name}${suffix}`);
    writeFileSync(file, content, { mode: 0o600 });
    if (mode !== 0o600) chmodSync(file, mode);
    written.push(file);
  };
  try {
    write(configFileName, JSON.stringify(planned.bundle.config), 0o600);
    // Bound into the container, whose users must be able to read it.
    for (const { name, content } of planned.bundle.artefacts) write(name, content, 0o644);
    await adoptPaths(context, written.slice(1), planned.mapping);
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
