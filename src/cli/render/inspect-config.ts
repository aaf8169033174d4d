import type { ContainerDetails, HealthcheckDetails } from "../../engine/details-types.ts";
import { goDocument, goMap, nilMap, nilSlice } from "../template/go-map.ts";

/** `Config` of a container: what the program was given. */
export function inspectConfig(container: ContainerDetails): object {
  const { options } = container;
  const isAttached = !options.detach;
  const document = {
    Hostname: container.hostname,
    Domainname: "",
    User: container.user,
    AttachStdin: options.interactive && isAttached,
    AttachStdout: isAttached,
    AttachStderr: isAttached,
    ...keySet("ExposedPorts", container.exposedPorts),
    Tty: options.tty,
    OpenStdin: options.interactive,
    StdinOnce: options.interactive && isAttached,
    Env: container.environment,
    Cmd: container.arguments.length === 0 ? nilSlice() : container.arguments,
    ...(container.healthcheck !== undefined && { Healthcheck: healthcheck(container.healthcheck) }),
    Image: container.image,
    Volumes: nilMap(),
    ...keySet("Volumes", container.anonymousVolumes),
    WorkingDir: container.workdir,
    Entrypoint: container.entrypoint ?? nilSlice(),
    OnBuild: nilSlice(),
    Labels: goMap(container.labels),
    Annotations: goMap(options.annotations),
    StopSignal: container.stopSignal,
    HealthcheckOnFailureAction: container.options.health?.onFailure ?? "none",
    CreateCommand: options.createCommand ?? nilSlice(),
    Umask: container.umask.toString(8).padStart(4, "0"),
    ...(options.tz !== undefined && { Timezone: options.tz }),
    Timeout: options.timeout ?? 0,
    StopTimeout: options.stopTimeout,
    Passwd: true,
    sdNotifyMode: "ignore",
  };
  return goDocument(document, { ExposedPorts: goMap({}, {}), Healthcheck: null, Timezone: "" });
}

/** A set in the form of image-spec/config.md: names with empty objects; left out when empty. */
function keySet(name: string, keys: readonly string[]): object {
  if (keys.length === 0) return {};
  return { [name]: goMap(Object.fromEntries(keys.map((key) => [key, {}])), {}) };
}

function healthcheck(check: HealthcheckDetails): object {
  return {
    Test: check.test,
    ...(check.startPeriod !== undefined && { StartPeriod: check.startPeriod }),
    ...(check.interval !== undefined && { Interval: check.interval }),
    ...(check.timeout !== undefined && { Timeout: check.timeout }),
    ...(check.retries !== undefined && { Retries: check.retries }),
  };
}
