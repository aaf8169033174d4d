import type { PortRequest } from "../../../container/options.ts";
import { TsmanError } from "../../../errors/index.ts";
import { applyChange, type WireExecution, withEnvironment } from "../../../oci/commit-change.ts";
import { maxImageConfigBytes } from "../../../oci/image-config.ts";
import { hostPlatform } from "../../../oci/platform.ts";
import type { ContainerRecord } from "../../../store/containers.ts";
import type { ImageRecord } from "../../../store/images.ts";
import type { EngineContext } from "../../context.ts";
import type { CommitOptions } from "../../file-types.ts";

/** An image config as JSON; what tsman does not know of stays in it. */
type WireConfig = Record<string, unknown>;

/**
 * The config of the image that is made of a container: the image's, with what the container was
 * made with, with the changes asked for.  `rootfs` is still the image's.
 *
 * @throws TsmanError USAGE for a change that cannot be meant
 */
export function committedConfig(
  context: EngineContext,
  record: ContainerRecord,
  image: ImageRecord | undefined,
  options: CommitOptions,
): WireConfig {
  const before = image === undefined ? emptyConfig() : readConfig(context, image);
  const asRun = runConfig(objectOf(before.config), record, options);
  const config = (options.changes ?? []).reduce(applyChange, asRun);
  const created = new Date().toISOString();
  const step = {
    created,
    created_by: record.command.join(" "),
    ...(options.author === undefined ? {} : { author: options.author }),
    ...(options.message === undefined ? {} : { comment: options.message }),
  };
  const history = options.squash || !Array.isArray(before.history) ? [] : before.history;
  // Docker's traces of how the old image was built describe nothing any more.
  const { container: _id, container_config: _config, parent: _parent, ...rest } = before;
  return {
    ...rest,
    created,
    ...(options.author === undefined ? {} : { author: options.author }),
    ...(options.format === "docker" && options.message !== undefined
      ? { comment: options.message }
      : {}),
    config,
    history: [...history, step],
  };
}

function readConfig(context: EngineContext, image: ImageRecord): WireConfig {
  const bytes = context.store.blobs.readVerified(image.id, maxImageConfigBytes);
  return objectOf(JSON.parse(bytes.toString("utf8")));
}

function emptyConfig(): WireConfig {
  const { os, architecture, variant } = hostPlatform();
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Docker's and Podman's rule: the image runs as the container was run. */
function runConfig(
  image: WireExecution,
  { options }: ContainerRecord,
  { includeVolumes = false }: CommitOptions,
): WireExecution {
  const { command, entrypoint, user, workdir, stopSignal } = options;
  const ports = [...options.expose, ...options.ports].map(portName);
  const exposed = Object.fromEntries(ports.map((port) => [port, {}]));
  // An anonymous volume is one that the image might have asked for as well.
  const volumes = options.mounts.filter((mount) => {
    const isAnonymous = mount.type === "volume" && mount.name === undefined;
    return isAnonymous || (includeVolumes && mount.type !== "tmpfs");
  });
  const declared = Object.fromEntries(volumes.map(({ target }) => [target, {}]));
  const labels = { ...objectOf(image.Labels), ...options.labels };
  return {
    ...image,
    ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint, Cmd: null }),
    ...(command.length === 0 ? {} : { Cmd: command }),
    ...(user === undefined ? {} : { User: user }),
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    ...(options.env.length === 0 ? {} : { Env: withEnvironment(image.Env, options.env) }),
    ...(ports.length === 0
      ? {}
      : { ExposedPorts: { ...objectOf(image.ExposedPorts), ...exposed } }),
    ...(volumes.length === 0 ? {} : { Volumes: { ...objectOf(image.Volumes), ...declared } }),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
  };
}

function portName({ containerPort, protocol }: PortRequest): string {
  return `${containerPort}/${protocol}`;
}

function objectOf(value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TsmanError("MANIFEST_INVALID", "read the image config: a member is not an object");
}
