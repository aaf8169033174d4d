import type { DiskUsage } from "../../engine/types.ts";
import { statusText } from "./container-rows.ts";
import { compactSize, humanDuration, shownId } from "./human.ts";
import { splitName } from "./image-rows.ts";
import { renderTable } from "./table.ts";

/** Each image, container and volume, in Podman's three tables. */
export function usageTables(usage: DiskUsage, now: number, isTerminal: boolean): string {
  const age = (moment: string): string => humanDuration(Math.max(0, now - Date.parse(moment)));
  const images = usage.images.flatMap((image) =>
    (image.names.length === 0 ? [undefined] : image.names).map((name) => {
      const { repository, tag } = splitName(name);
      return [
        repository,
        tag,
        shownId(image.id, false),
        age(image.createdAt),
        compactSize(image.size),
        compactSize(image.sharedSize),
        compactSize(image.size - image.sharedSize),
        String(image.containers),
      ];
    }),
  );
  const containers = usage.containers.map((container) => [
    shownId(container.id, false),
    container.imageId === undefined ? container.image : shownId(container.imageId, false),
    container.command.join(" "),
    String(container.mountSources?.length ?? container.mounts.length),
    compactSize(container.usedSize),
    age(container.createdAt),
    statusText(container, now),
    container.name,
  ]);
  const volumes = usage.volumes.map(({ name, links, size }) => [
    name,
    String(links),
    compactSize(size),
  ]);
  const sections: readonly (readonly [string, readonly string[], readonly string[][]])[] = [
    ["Images", imageHeader, images],
    ["Containers", containerHeader, containers],
    ["Local Volumes", volumeHeader, volumes],
  ];
  return sections
    .map(
      ([title, header, rows]) =>
        `${title} space usage:\n\n${renderTable(header, rows, isTerminal)}`,
    )
    .join("\n");
}

const imageHeader = [
  "REPOSITORY",
  "TAG",
  "IMAGE ID",
  "CREATED",
  "SIZE",
  "SHARED SIZE",
  "UNIQUE SIZE",
  "CONTAINERS",
];
const containerHeader = [
  "CONTAINER ID",
  "IMAGE",
  "COMMAND",
  "LOCAL VOLUMES",
  "SIZE",
  "CREATED",
  "STATUS",
  "NAMES",
];
const volumeHeader = ["VOLUME NAME", "LINKS", "SIZE"];

/** The same as a document, in Podman's form. */
export function usageDocument(usage: DiskUsage): object {
  return {
    Images: usage.images.flatMap((image) =>
      (image.names.length === 0 ? [undefined] : image.names).map((name) => {
        const { repository, tag } = splitName(name);
        return {
          Repository: repository,
          Tag: tag,
          ImageID: image.id.replace(/^sha256:/, ""),
          Created: image.createdAt,
          Size: image.size,
          SharedSize: image.sharedSize,
          UniqueSize: image.size - image.sharedSize,
          Containers: image.containers,
        };
      }),
    ),
    Containers: usage.containers.map((container) => ({
      ContainerID: container.id,
      Image: container.imageId?.replace(/^sha256:/, "") ?? container.image,
      Command: container.command,
      LocalVolumes: container.mountSources?.length ?? container.mounts.length,
      Size: container.usedSize,
      RWSize: container.usedSize,
      Created: container.createdAt,
      Status: container.state,
      Names: container.name,
    })),
    Volumes: usage.volumes.map(({ name, links, size }) => ({
      VolumeName: name,
      Links: links,
      Size: size,
      ReclaimableSize: links > 0 ? 0 : size,
    })),
  };
}
