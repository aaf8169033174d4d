import { existsSync } from "node:fs";
import path from "node:path";
import { type BundleDocument, readBundleDocument } from "../../container/bundle-document.ts";
import type { ContainerMount } from "../../container/options.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerDetails, MountDetails } from "../types.ts";
import { containerSummary } from "./container-summary.ts";
import { listExecSessions } from "./exec-sessions.ts";
import { configFileName } from "./find-container.ts";
import { containerLogFile } from "./log-target.ts";
import { mountDetails } from "./mount-details.ts";
import { rootfsPaths } from "./rootfs-paths.ts";

/** Everything about a container; what its program was given is read from its config.json. */
export function inspectContainer(
  context: EngineContext,
  record: ContainerRecord,
): ContainerDetails {
  const { options } = record;
  const dir = context.store.containers.dir(record.id);
  const ociConfig = path.join(dir, configFileName);
  const document = readBundleDocument(ociConfig);
  const isRunning = containerSummary(context, record).state === "running";
  return {
    ...containerSummary(context, record),
    options,
    environment: document?.process.env ?? [],
    workdir: document?.process.cwd ?? options.workdir ?? "/",
    user: document?.process.user.username ?? options.user ?? "",
    entrypoint: options.entrypoint ?? [],
    hostname: document?.hostname ?? options.hostname ?? "",
    mountPoints: options.mounts.map((mount) => mountDetails(context, mount, document)),
    stopSignal: record.stopSignal,
    ...(isRunning && options.network.mode === "slirp4netns" ? slirpAddress : {}),
    paths: {
      ociConfig,
      monitor: path.join(runDir, "monitor"),
      log: containerLogFile(context, record),
      resolvConf: existing(path.join(dir, "resolv.conf")),
      hosts: existing(path.join(dir, "hosts")),
      hostnameFile: existing(path.join(dir, "hostname")),
    },
    driver: record.driver ?? "overlay",
    execIds: isRunning ? listExecSessions(context, record.id) : [],
  };
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}

function mountDetails(
  context: EngineContext,
  mount: ContainerMount,
  document: BundleDocument | undefined,
): MountDetails {
  const mounted = document?.mounts.find((one) => one.destination === mount.target);
  const common = {
    destination: mount.target,
    readOnly: mount.readOnly,
    options: mounted?.options ?? [],
    propagation: mount.type === "bind" ? (mount.propagation ?? "rprivate") : "",
  };
  if (mount.type === "bind") return { ...common, type: "bind", source: mount.source };
  if (mount.type === "tmpfs") return { ...common, type: "tmpfs", source: "" };
  const source = mounted?.source ?? "";
  const name = mount.name ?? path.basename(path.dirname(source));
  return { ...common, type: "volume", name, source: source || context.store.volumes.dataDir(name) };
}
