import process from "node:process";
import { findProgram } from "../../config/find-program.ts";
import { type DeviceNodeState, deviceNodeState } from "../host/device-nodes.ts";
import { programVersion } from "../host/programs.ts";
import { readSysctlFacts } from "../host/sysctls.ts";
import { broken, type DoctorCheck, limited, ok } from "./report.ts";

const alternative = "containers have no network of their own: --network none or host still work";

/** slirp4netns and its version: 1.0.0 brought --enable-seccomp, with which it is started. */
export async function checkSlirp(): Promise<DoctorCheck> {
  const title = "slirp4netns";
  const program = findProgram("slirp4netns");
  const remedy = "sudo apt install slirp4netns";
  if (program === undefined) {
    return broken(
      "slirp4netns",
      title,
      { found: "not installed", consequence: alternative, remedy },
      false,
    );
  }
  const version = (await programVersion(program)) ?? "unknown version";
  const major = Number(/(\d+)\.\d+/.exec(version)?.[1] ?? Number.NaN);
  if (major >= 1) return ok("slirp4netns", title, `${program}, ${version}`);
  return broken(
    "slirp4netns",
    title,
    { found: `${program}, ${version}; 1.0.0 or later is needed`, consequence: alternative, remedy },
    false,
  );
}

const tunRemedies: Readonly<Record<Exclude<DeviceNodeState, "usable">, string>> = {
  missing: "sudo modprobe tun; in a container: start it with --device /dev/net/tun",
  "no-permission": "sudo chmod 0666 /dev/net/tun (the usual mode; udev sets it)",
  "not-a-device": "sudo rm /dev/net/tun && sudo mknod -m 0666 /dev/net/tun c 10 200",
  "modules-gone": "reboot: the running kernel's modules were removed by an upgrade",
};

/** /dev/net/tun, which slirp4netns opens. */
export function checkTun(): DoctorCheck {
  const state = deviceNodeState("/dev/net/tun");
  if (state === "usable") return ok("tun", "/dev/net/tun", "may be opened");
  return broken(
    "tun",
    "/dev/net/tun",
    { found: state, consequence: alternative, remedy: tunRemedies[state] },
    false,
  );
}

/** net.ipv4.ip_unprivileged_port_start. */
export function checkLowPorts(): DoctorCheck {
  const start = readSysctlFacts().unprivilegedPortStart;
  const title = "low ports";
  if (start <= 80 || process.getuid?.() === 0) {
    return ok("low-ports", title, `ports from ${start} on may be published`);
  }
  return limited("low-ports", title, {
    found: `net.ipv4.ip_unprivileged_port_start = ${start}`,
    consequence: `ports below ${start} cannot be published`,
    remedy:
      "echo net.ipv4.ip_unprivileged_port_start=80 | sudo tee /etc/sysctl.d/90-ports.conf && sudo sysctl --system",
  });
}

/** net.ipv4.ping_group_range, on which ping through slirp4netns depends; icmp(7). */
export function checkPing(): DoctorCheck {
  const range = readSysctlFacts().pingGroupRange;
  const gid = process.getgid?.() ?? 0;
  const title = "ping";
  if (range !== undefined && gid >= range[0] && gid <= range[1]) {
    return ok("ping", title, `your group ${gid} may ping`);
  }
  return limited("ping", title, {
    found: `net.ipv4.ping_group_range = ${range?.join(" ") ?? "unknown"}`,
    consequence: "ping to the outside does not work in containers",
    remedy:
      'echo "net.ipv4.ping_group_range=0 2147483647" | sudo tee /etc/sysctl.d/90-ping.conf && sudo sysctl --system',
  });
}
