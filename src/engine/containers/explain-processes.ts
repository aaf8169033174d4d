import { neededContainers } from "../../bundle/joins.ts";
import { type HealthPolicy, healthPolicy } from "../../container/health-policy.ts";
import { defaultContainerOptions } from "../../container/options.ts";
import { hasRestartPolicy } from "../../container/restart-policy.ts";
import type { Explanation } from "../../runtime/explain.ts";
import type { LaunchContext, LogTarget } from "../../runtime/launch-context.ts";
import { originOf } from "../../runtime/origin.ts";
import type { ExplainEntry, ExplainSection } from "../types.ts";
import { stopSignalOf } from "./launch-context.ts";
import type { ContainerPlan } from "./plan-container.ts";

/** Every process that a container has, on the host and inside, and how they come to their end. */
export function explainProcesses(
  planned: ContainerPlan,
  launch: LaunchContext,
  explanation: Explanation,
): ExplainSection[] {
  return [
    {
      title: "processes",
      entries: [...needed(planned), ...onTheHost(planned, launch, explanation), ...inside(planned)],
    },
    { title: "end", entries: end(planned) },
  ];
}

/** Containers that are started first. */
function needed({ options }: ContainerPlan): ExplainEntry[] {
  const { requires = [] } = options;
  return neededContainers(options).map((name) => ({
    what: `container ${name}, which is started before, unless it runs`,
    because: requires.includes(name) ? "--requires" : "container:NAME",
    data: { name },
  }));
}

function onTheHost(
  { options, mapping }: ContainerPlan,
  { log, rootfs }: LaunchContext,
  { network }: Explanation,
): ExplainEntry[] {
  const isDefaultLog = options.logDriver === defaultContainerOptions.logDriver;
  return [
    {
      what: `tsman-monitor, on the host: ${logText(log)}`,
      because: isDefaultLog ? "default" : "--log-driver",
      data: { name: "tsman-monitor", logDriver: options.logDriver, log },
    },
    ...(mapping.tools === undefined
      ? []
      : [
          {
            what: `${mapping.tools.newuidmap} and ${mapping.tools.newgidmap}, on the host: write the id maps`,
            because: mapping.because,
            data: { name: "newuidmap", programs: Object.values(mapping.tools) },
          },
        ]),
    ...(rootfs.driver === "fuse-overlayfs"
      ? [
          {
            what: `${rootfs.program}, on the host: serves the root file system`,
            because: "image",
            data: { name: "fuse-overlayfs", programs: [rootfs.program] },
          },
        ]
      : []),
    ...(network.helper === undefined
      ? []
      : [
          {
            what: `${network.helper.join(" ")}, on the host: the network`,
            because: network.because,
            data: { name: "slirp4netns", command: network.helper },
          },
        ]),
  ];
}

function inside({ bundle, options, image }: ContainerPlan): ExplainEntry[] {
  const { args } = bundle.config.process;
  const health = healthPolicy(options.health, image?.config.config);
  return [
    ...(bundle.useInit
      ? [
          {
            what: "tsman-init, inside: process 1, passes signals on and collects orphans",
            because: "--init",
            data: { name: "tsman-init" },
          },
        ]
      : []),
    {
      what: `${JSON.stringify(args)}, inside`,
      because: originOf(bundle.origins, "/process/args"),
      data: { name: "program", command: args },
    },
    ...healthEntries(health, options.health?.test === undefined),
  ];
}

function healthEntries(
  health: HealthPolicy | undefined,
  isOfImage: boolean,
): readonly ExplainEntry[] {
  if (health === undefined) return [];
  const text = ({ command, intervalMs }: Pick<HealthPolicy, "command" | "intervalMs">): string =>
    `${JSON.stringify(command)}, inside, ` +
    (intervalMs === 0 ? "when healthcheck run asks for it" : `every ${intervalMs / 1000} s`);
  return [
    ...(health.startup === undefined
      ? []
      : [
          {
            what: text(health.startup),
            because: "--health-startup-cmd",
            data: { name: "startup check", ...health.startup },
          },
        ]),
    {
      what: text(health),
      because: isOfImage ? "image HEALTHCHECK" : "--health-cmd",
      data: { name: "health check", command: health.command, intervalMs: health.intervalMs },
    },
  ];
}

function end(planned: ContainerPlan): ExplainEntry[] {
  const { options, image } = planned;
  const signal = stopSignalOf(planned);
  const signalOrigin =
    image?.config.config.stopSignal === undefined ? "default" : "image STOPSIGNAL";
  return [
    {
      what: `stop sends ${signal}`,
      because: options.stopSignal === undefined ? signalOrigin : "--stop-signal",
      data: { signal },
    },
    {
      what: `stop kills what is left after ${options.stopTimeout} s`,
      because:
        options.stopTimeout === defaultContainerOptions.stopTimeout ? "default" : "--stop-timeout",
      data: { stopTimeout: options.stopTimeout },
    },
    ...(options.timeout === undefined
      ? []
      : [
          {
            what: `killed after ${options.timeout} s`,
            because: "--timeout",
            data: { timeout: options.timeout },
          },
        ]),
    ...(hasRestartPolicy(options.restart)
      ? [
          {
            what: `started again: ${options.restart?.policy}`,
            because: "--restart",
            data: { ...options.restart },
          },
        ]
      : []),
    ...(options.remove ? [{ what: "removed", because: "--rm", data: { removed: true } }] : []),
  ];
}

function logText(log: LogTarget | undefined): string {
  switch (log?.kind) {
    case undefined:
      return "keeps no log";
    case "passthrough":
      return "keeps no log, the program writes to your own descriptors";
    case "journal":
      return `writes the log to ${log.socket}`;
    case "file":
      return `writes the log to ${log.path} (${log.format})`;
  }
}
