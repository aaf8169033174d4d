import type { InfoDocument, JsonValue } from "../../engine/types.ts";
import { goDocument, goMap } from "../template/go-map.ts";

type Section = Readonly<Record<string, JsonValue>>;

/**
 * The document that templates of `info` see: besides what JSON shows, the names of Go's fields
 * where Podman's JSON has others, and the fields of Docker's `info` that scripts ask for.
 */
export function infoDocument(document: InfoDocument): InfoDocument {
  const { host, store, registries, ...rest } = document;
  const own = host as Section;
  const stored = store as Section;
  const { idMappings, security, ...others } = own;
  const withFields = {
    ...document,
    ...rest,
    host: goDocument(
      {
        ...others,
        idMappings: idMapDocument(idMappings as Section),
        security: goDocument(security as Section, {
          DefaultCapabilities: (security as Section).capabilities,
        }),
      },
      { CgroupsVersion: own.cgroupVersion },
    ),
    store: {
      ...stored,
      graphOptions: goMap({ ...(stored.graphOptions as Section) }),
      graphStatus: goMap({ ...(stored.graphStatus as Section) }),
    },
    registries: goMap({ ...(registries as Section) }),
  };
  return goDocument(withFields, dockerFields(document));
}

function idMapDocument(maps: Section): Section {
  const named = (entries: JsonValue | undefined): readonly JsonValue[] =>
    (entries as readonly Section[]).map((entry) =>
      goDocument(entry, { ContainerID: entry.container_id, HostID: entry.host_id }),
    );
  return { gidmap: named(maps.gidmap), uidmap: named(maps.uidmap) };
}

/** https://docs.docker.com/reference/api/engine, `GET /info`: what is true of tsman too. */
function dockerFields({ host, store, version }: InfoDocument): Record<string, JsonValue> {
  const own = host as Section;
  const stored = store as Section;
  const count = stored.containerStore as Readonly<Record<string, number>>;
  const security = own.security as Section;
  return {
    Name: own.hostname ?? "",
    ServerVersion: (version as Section).Version ?? "",
    Containers: count.number ?? 0,
    ContainersRunning: count.running ?? 0,
    ContainersPaused: count.paused ?? 0,
    ContainersStopped: count.stopped ?? 0,
    Images: (stored.imageStore as Section).number ?? 0,
    Driver: stored.graphDriverName ?? "",
    DriverStatus: Object.entries(stored.graphStatus as Section),
    LoggingDriver: own.logDriver ?? "",
    CgroupDriver: own.cgroupManager ?? "",
    CgroupVersion: String(own.cgroupVersion).replace("v", ""),
    KernelVersion: own.kernel ?? "",
    OperatingSystem: (own.distribution as Section).prettyName ?? "",
    OSVersion: (own.distribution as Section).version ?? "",
    OSType: own.os ?? "",
    Architecture: machineNames[String(own.arch)] ?? own.arch ?? "",
    NCPU: own.cpus ?? 0,
    MemTotal: own.memTotal ?? 0,
    DockerRootDir: stored.graphRoot ?? "",
    SecurityOptions: [
      "name=seccomp,profile=builtin",
      ...(security.rootless === true ? ["name=rootless"] : []),
      "name=cgroupns",
    ],
    Swarm: { LocalNodeState: "inactive" },
  };
}

/** uname(2)'s words, which Docker uses in this one place. */
const machineNames: Readonly<Record<string, string>> = { amd64: "x86_64", arm64: "aarch64" };
