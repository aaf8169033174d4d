import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";

/** HOST_NAME_MAX of sysconf(3). */
const maxHostname = 64;
const hostnamePattern = /^[a-zA-Z0-9](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/;

/** The name that the program sees, and whether it has to be set. */
export interface Hostname {
  readonly name: string;
  readonly isSet: boolean;
  readonly because: string;
}

/**
 * `--hostname`; else the host's with `--network host` or `--uts host`, the other container's with
 * `--uts container:NAME`, the short id otherwise: as Podman.
 *
 * @throws TsmanError USAGE on a name that sethostname(2) or DNS would not take, or one for a uts
 * namespace that is not the container's
 */
export function resolveHostname(
  options: Pick<ContainerOptions, "hostname" | "uts" | "network">,
  id: string,
  host: { readonly hostname: string },
  joinedHostname?: string,
): Hostname {
  if (options.hostname !== undefined) {
    const subject = `use --hostname ${JSON.stringify(options.hostname)}`;
    if (options.uts.mode !== "private") {
      throw new TsmanError("USAGE", `${subject}: the uts namespace is not the container's`, {
        hint: `leave out --hostname or --uts ${options.uts.mode}`,
      });
    }
    if (options.hostname.length > maxHostname) {
      throw new TsmanError("USAGE", `${subject}: longer than ${maxHostname} characters`);
    }
    if (!hostnamePattern.test(options.hostname)) {
      throw new TsmanError("USAGE", `${subject}: not a host name`, {
        hint: "use letters, digits, '.', '-' and '_', beginning and ending with a letter or digit",
      });
    }
    return { name: options.hostname, isSet: true, because: "--hostname" };
  }
  if (options.uts.mode === "path") {
    const because = `--uts ns:${options.uts.path}`;
    return { name: host.hostname, isSet: false, because };
  }
  if (options.uts.mode === "host") {
    return { name: host.hostname, isSet: false, because: "--uts host" };
  }
  if (options.uts.mode === "container") {
    const because = `--uts container:${options.uts.container}`;
    return { name: joinedHostname ?? host.hostname, isSet: false, because };
  }
  if (options.network.mode === "host" && hostnamePattern.test(host.hostname)) {
    return { name: host.hostname, isSet: true, because: "--network host" };
  }
  return { name: id.slice(0, 12), isSet: true, because: "default: the short id" };
}
