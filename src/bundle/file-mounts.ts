import path from "node:path";
import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { Artefact, BundleRequest } from "./bundle.ts";
import type { ReasonedMount } from "./default-mounts.ts";

/** Names of the artefacts in the container's directory. */
const artefactNames = {
  hosts: "hosts",
  resolvConf: "resolv.conf",
  hostname: "hostname",
  containerenv: "containerenv",
} as const;

/** /etc/hosts and its like: files of the container's directory, bound one by one. */
export function fileMounts(
  request: BundleRequest,
  asked: readonly ReasonedMount[],
): ReasonedMount[] {
  const { options, network, join } = request;
  const joinsNetwork = options.network.mode === "container";
  const own = (name: string): string => path.join(request.dir, name);
  const access = options.readOnly ? ["ro", "nosuid", "noexec", "nodev"] : [];
  const candidates: { destination: string; source: string | undefined; because: string }[] = [
    {
      destination: "/etc/hosts",
      source: joinsNetwork
        ? join?.hostsPath
        : network.hosts === undefined
          ? undefined
          : own(artefactNames.hosts),
      because: options.addHosts.length > 0 ? "default and --add-host" : "default",
    },
    {
      destination: "/etc/resolv.conf",
      source: joinsNetwork
        ? join?.resolvConfPath
        : network.resolvConf === undefined
          ? undefined
          : own(artefactNames.resolvConf),
      because:
        options.dns.length + options.dnsSearch.length + options.dnsOptions.length > 0
          ? "--dns"
          : "default",
    },
    { destination: "/etc/hostname", source: own(artefactNames.hostname), because: "default" },
    {
      destination: "/run/.containerenv",
      source: own(artefactNames.containerenv),
      because: "default",
    },
  ];
  const files = candidates.flatMap(({ destination, source, because }) =>
    source === undefined
      ? []
      : [{ destination, type: "bind", source, options: ["bind", "rprivate", ...access], because }],
  );
  const inside = (options.chrootDirs ?? []).flatMap((directory) =>
    files.map((file) => ({
      ...file,
      destination: path.posix.join(directory, file.destination),
      because: `--chrootdirs ${directory}`,
    })),
  );
  return [...files, ...inside, ...timeZoneMount(options)].filter(
    (mount) => !asked.some((one) => one.destination === mount.destination),
  );
}

/** `--tz`: the host's description of the zone over the image's /etc/localtime. */
function timeZoneMount(options: ContainerOptions): ReasonedMount[] {
  const { tz } = options;
  if (tz === undefined) return [];
  const isName = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/.test(tz);
  if (!isName) {
    throw new TsmanError("USAGE", `use --tz ${JSON.stringify(tz)}: not the name of a time zone`, {
      hint: "write a name such as Europe/Vienna, or local",
    });
  }
  return [
    {
      destination: "/etc/localtime",
      type: "bind",
      source: tz === "local" ? "/etc/localtime" : `/usr/share/zoneinfo/${tz}`,
      options: ["bind", "rprivate", "ro", "nosuid", "noexec", "nodev"],
      because: `--tz ${tz}`,
    },
  ];
}

/** The contents of those files. */
export function artefacts(request: BundleRequest, hostname: string): Artefact[] {
  const { network } = request;
  const sharesFiles = request.options.network.mode === "container";
  return [
    ...(network.hosts === undefined || sharesFiles
      ? []
      : [{ name: artefactNames.hosts, content: network.hosts }]),
    ...(network.resolvConf === undefined || sharesFiles
      ? []
      : [{ name: artefactNames.resolvConf, content: network.resolvConf }]),
    { name: artefactNames.hostname, content: `${hostname}\n` },
    { name: artefactNames.containerenv, content: containerenv(request) },
  ];
}

/** /run/.containerenv: programs look whether it exists; as in Podman only --privileged says more. */
function containerenv(request: BundleRequest): string {
  if (!request.options.privileged) return "";
  const quote = (text: string): string => `"${text.replaceAll(/["\\\n]/g, "_")}"`;
  return [
    'engine="tsman"',
    `name=${quote(request.name)}`,
    `id=${quote(request.id)}`,
    `image=${quote(request.imageName ?? "")}`,
    `imageid=${quote(request.imageId ?? "")}`,
    "rootless=1",
    "",
  ].join("\n");
}
