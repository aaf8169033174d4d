import { type HealthPolicy, healthPolicy } from "../../container/health-policy.ts";
import { readHealth } from "../../container/health-state.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { ContainerDetails } from "../details-types.ts";

/** The health check of a container, and how the last ones went. */
export function healthDetails(
  record: ContainerRecord,
  image: ImageRecord | undefined,
  runDir: string,
): Pick<ContainerDetails, "healthcheck" | "healthState"> {
  const policy = healthPolicy(record.options.health, image?.config.config);
  if (policy === undefined) return {};
  const state = readHealth(runDir);
  return {
    healthcheck: checkDetails(policy),
    healthState: state && {
      status: state.status,
      failingStreak: state.failingStreak,
      log: state.results,
    },
  };
}

function checkDetails(policy: HealthPolicy): ContainerDetails["healthcheck"] {
  return {
    test: policy.test,
    interval: policy.intervalMs * 1e6,
    timeout: policy.timeoutMs * 1e6,
    startPeriod: policy.startPeriodMs * 1e6,
    retries: policy.retries,
  };
}
