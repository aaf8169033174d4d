import type { ImageDetails } from "../../engine/types.ts";

/** An image as `podman image inspect` shows it. */
export function imageDocument(image: ImageDetails): Readonly<Record<string, unknown>> {
  const { config } = image;
  const execution = config.config;
  return {
    Id: image.id.replace(/^sha256:/, ""),
    Digest: image.digest,
    RepoTags: image.names,
    RepoDigests: image.repoDigests,
    Parent: "",
    Comment: config.history.at(-1)?.comment ?? "",
    Created: image.createdAt,
    Config: omitEmpty({
      User: execution.user,
      ExposedPorts: keySet(execution.exposedPorts),
      Env: execution.env,
      Entrypoint: execution.entrypoint ?? [],
      Cmd: execution.cmd ?? [],
      Volumes: keySet(execution.volumes),
      WorkingDir: execution.workingDir,
      Labels: execution.labels,
      StopSignal: execution.stopSignal ?? "",
    }),
    Version: "",
    Author: config.author ?? "",
    Architecture: config.architecture,
    Os: config.os,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Size: image.size,
    VirtualSize: image.size,
    RootFS: { Type: "layers", Layers: config.rootfs.diffIds },
    Labels: image.labels,
    Annotations: {},
    User: execution.user,
    History: config.history.map((entry) =>
      omitEmpty({
        created: entry.created ?? "",
        created_by: entry.createdBy ?? "",
        author: entry.author ?? "",
        comment: entry.comment ?? "",
        empty_layer: entry.emptyLayer,
      }),
    ),
    NamesHistory: image.names,
  };
}

/** A set in the form of image-spec/config.md: names with empty objects. */
function keySet(names: readonly string[]): Readonly<Record<string, object>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Without empty members, as Go's `omitempty` leaves them out. */
export function omitEmpty(
  document: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(document).filter(([, value]) => {
      if (value === undefined || value === "" || value === false) return false;
      return typeof value !== "object" || value === null || Object.keys(value).length > 0;
    }),
  );
}
