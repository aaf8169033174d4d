import { listVolumes } from "../../bundle/user-mounts.ts";
import { assertContainerName } from "../../container/names.ts";
import type { ContainerMount, ContainerOptions, VolumesFrom } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";

/**
 * The options with the mounts that `--volumes-from` takes over: directories of the host and volumes,
 * an image's and anonymous ones too, since a volume is known by its name here.  A tmpfs is each
 * container's own.  A target that the options mount themselves is left to them, and of several
 * containers the last one counts, as with Podman.
 *
 * @throws TsmanError USAGE when there is no such container
 */
export function withInheritedMounts(
  context: EngineContext,
  options: ContainerOptions,
): ContainerOptions {
  const { volumesFrom = [], mounts } = options;
  if (volumesFrom.length === 0) return options;
  const inherited = new Map<string, ContainerMount>();
  for (const from of volumesFrom) {
    for (const mount of mountsOf(context, from)) inherited.set(mount.target, mount);
  }
  for (const { target } of mounts) inherited.delete(target);
  return { ...options, mounts: [...mounts, ...inherited.values()] };
}

function mountsOf(context: EngineContext, from: VolumesFrom): readonly ContainerMount[] {
  const record = findOther(context, from.container);
  const image =
    record.imageId === undefined ? undefined : context.store.images.findById(record.imageId);
  const anonymous = record.anonymousVolumes.values();
  const names = new Map(
    listVolumes(record.options, image?.config.config.volumes ?? []).map(({ name, target }) => [
      target,
      name ?? anonymous.next().value,
    ]),
  );
  const readOnly = from.readOnly === undefined ? {} : { readOnly: from.readOnly };
  const binds = record.options.mounts.flatMap((mount): ContainerMount[] =>
    // The source has its owner by now.
    mount.type === "bind" ? [{ ...mount, ...readOnly, chown: false, from: from.container }] : [],
  );
  const volumes = [...names].map(([target, name]): ContainerMount => {
    const own = record.options.mounts.find((mount) => mount.target === target);
    return {
      type: "volume",
      name,
      target,
      readOnly: own?.readOnly ?? false,
      flags: own?.flags ?? [],
      copyUp: false,
      ...readOnly,
      from: from.container,
    };
  });
  return [...binds, ...volumes];
}

function findOther(context: EngineContext, name: string): ContainerRecord {
  const record = context.store.containers.find(name);
  if (record !== undefined) return record;
  assertContainerName(name);
  // Not CONTAINER_NOT_FOUND: its exit status 1 would pass for the program's own.
  throw new TsmanError("USAGE", `mount the volumes of container ${name}: no such container`, {
    hint: "choose one from: tsman ps --all",
  });
}
