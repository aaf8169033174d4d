import type { ImageDetails } from "../../engine/details-types.ts";
import { goDocument, goMap } from "../template/go-map.ts";
import { goMoment } from "./container-rows.ts";

/** An image as `podman image inspect` shows it. */
export function imageDocument(image: ImageDetails): Readonly<Record<string, unknown>> {
  const { config } = image;
  const execution = config.config;
  const health = execution.healthcheck;
  return {
    Id: image.id.replace(/^sha256:/, ""),
    Digest: image.digest,
    RepoTags: image.names,
    RepoDigests: image.repoDigests,
    Parent: "",
    Comment: config.history.at(-1)?.comment ?? "",
    Created: goMoment(image.createdAt),
    Config: goDocument(
      omitEmpty({
        User: execution.user,
        ExposedPorts: keySet(execution.exposedPorts),
        Env: execution.env,
        Entrypoint: execution.entrypoint ?? [],
        Cmd: execution.cmd ?? [],
        Volumes: keySet(execution.volumes),
        WorkingDir: execution.workingDir,
        Labels: goMap(execution.labels),
        StopSignal: execution.stopSignal ?? "",
        Healthcheck: health === undefined ? undefined : healthcheck(health),
        Shell: execution.shell ?? [],
      }),
      emptyConfig,
    ),
    Version: "",
    Author: config.author ?? "",
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: image.size,
    VirtualSize: image.size,
    GraphDriver: graphDriver(image),
    RootFS: { Type: "layers", Layers: config.rootfs.diffIds },
    Labels: Object.keys(image.labels).length === 0 ? null : goMap(image.labels),
    Annotations: goMap(image.annotations),
    ManifestType: image.manifestType,
    User: execution.user,
    History: config.history.map((entry) =>
      omitEmpty({
        created: goMoment(entry.created ?? ""),
        created_by: entry.createdBy ?? "",
        author: entry.author ?? "",
        comment: entry.comment ?? "",
        empty_layer: entry.emptyLayer,
      }),
    ),
    NamesHistory: image.names,
    ...(health !== undefined && { HealthCheck: healthcheck(health) }),
  };
}

/** What an image config may say, and this one does not. */
const emptyConfig = {
  User: "",
  ExposedPorts: goMap({}, {}),
  Env: [],
  Entrypoint: [],
  Cmd: [],
  Volumes: goMap({}, {}),
  WorkingDir: "",
  Labels: goMap({}),
  StopSignal: "",
  Healthcheck: null,
  Shell: [],
  OnBuild: [],
} as const;

/** The topmost layer is "upper", those below "lower", as with Docker and Podman. */
function graphDriver({ rootfs }: ImageDetails): object {
  const [upper, ...lowers] = rootfs?.lowers ?? [];
  return {
    Name: "overlay",
    Data: goMap({
      ...(lowers.length > 0 && { LowerDir: lowers.join(":") }),
      ...(upper !== undefined && { UpperDir: upper }),
    }),
  };
}

function healthcheck(
  check: NonNullable<ImageDetails["config"]["config"]["healthcheck"]>,
): Readonly<Record<string, unknown>> {
  return {
    Test: check.test,
    ...(check.startPeriod !== undefined && { StartPeriod: check.startPeriod }),
    ...(check.startInterval !== undefined && { StartInterval: check.startInterval }),
    ...(check.interval !== undefined && { Interval: check.interval }),
    ...(check.timeout !== undefined && { Timeout: check.timeout }),
    ...(check.retries !== undefined && { Retries: check.retries }),
  };
}

/** A set in the form of image-spec/config.md: names with empty objects. */
function keySet(names: readonly string[]): Readonly<Record<string, object>> {
  return goMap(Object.fromEntries(names.map((name) => [name, {}])), {});
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
