import type { ContainerOptions } from "../../container/options.ts";
import { slirpArguments } from "../../network/slirp4netns.ts";
import { compilePlan } from "../../runtime/compile-plan.ts";
import { explainPlan } from "../../runtime/explain.ts";
import { compileSeccompFilter } from "../../runtime/seccomp-filter.ts";
import type { EngineContext } from "../context.ts";
import type { ExplainDocument, ExplainEntry, ExplainIo } from "../types.ts";
import { explainAccounts } from "./explain-accounts.ts";
import { explainLimits } from "./explain-limits.ts";
import { explainProcesses } from "./explain-processes.ts";
import { explainSections } from "./explain-sections.ts";
import { launchContext } from "./launch-context.ts";
import { planContainer } from "./plan-container.ts";
import { describeRootfs, firstDriver } from "./rootfs-driver.ts";

/** What would be done with these options, and why; nothing of a container is made. */
export async function explainRun(
  context: EngineContext,
  options: ContainerOptions,
  io: ExplainIo,
): Promise<ExplainDocument> {
  const planned = await planContainer(context, options, io, "explain");
  const { bundle, network } = planned;
  const { seccomp } = bundle.config.linux;
  const launch = launchContext(context, planned, {
    rootfs: describeRootfs(context, planned, firstDriver(context)),
    networkHelper:
      options.network.mode === "slirp4netns"
        ? slirpArguments({ program: "slirp4netns", options: options.network.options })
        : undefined,
    hold: network.ports.length > 0,
    terminal: undefined,
    seccompFilter:
      seccomp === undefined
        ? undefined
        : await compileSeccompFilter(seccomp, context.paths.cacheDir),
  });
  const explanation = explainPlan({
    name: planned.name,
    bundle,
    context: launch,
    plan: compilePlan(bundle, launch),
    network: {
      mode: options.network.mode,
      address: network.address,
      gateway: network.gateway,
      ports: network.ports.map((port) => ({
        hostIp: port.hostIp ?? "0.0.0.0",
        hostPort: port.hostPort ?? 0,
        containerPort: port.containerPort,
        protocol: port.protocol,
        because: options.ports.includes(port) ? "-p" : "-P",
      })),
      warnings: network.warnings,
    },
  });
  return {
    sections: explainSections(explanation, {
      accounts: explainAccounts(planned),
      written: writtenFiles(options),
      limits: explainLimits(bundle.config.linux.resources, options),
      processes: explainProcesses(planned, launch, explanation),
    }),
  };
}

/** Files on the host that are written because an option names them. */
function writtenFiles(options: ContainerOptions): ExplainEntry[] {
  const { cidFile, pidFile, monitorPidFile } = options;
  const entry = (file: string | undefined, content: string, because: string): ExplainEntry[] =>
    file === undefined
      ? []
      : [{ what: `${file}, on the host: ${content}`, because, data: { file } }];
  return [
    ...entry(cidFile, "the container's id", "--cidfile"),
    ...entry(pidFile, "the pid of its process 1", "--pidfile"),
    ...entry(monitorPidFile, "the pid of its monitor", "--conmon-pidfile"),
  ];
}
