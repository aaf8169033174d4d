import path from "node:path";
import type { ContainerMount } from "../container/options.ts";

/** What of the caller's a mount can give away. */
export interface GuardedPlaces {
  /** The caller's home; absolute, without links. */
  readonly home: string;
  /** Directories in which sockets of engines lie for this user: `/run`, `$XDG_RUNTIME_DIR`. */
  readonly runtimeDirs: readonly string[];
  /** An absolute path without the links in it; missing when there is nothing. */
  readonly resolve: (file: string) => string | undefined;
}

/** What lies in a home and opens doors, with what a thief has of it. */
const secrets: readonly (readonly [place: string, what: string])[] = [
  [".ssh", "your SSH keys: whoever has them logs in as you elsewhere"],
  [".gnupg", "your OpenPGP keys: whoever has them signs and decrypts as you"],
  [".aws", "your AWS credentials"],
  [".azure", "your Azure credentials"],
  [".config/gcloud", "your Google Cloud credentials"],
  [".oci", "your Oracle Cloud credentials"],
  [".config/doctl", "your DigitalOcean credentials"],
  [".terraform.d", "your Terraform credentials"],
  [".kube", "your Kubernetes credentials"],
  [".docker", "your registry logins"],
  [".config/containers", "your registry logins"],
  [".config/gh", "your GitHub token"],
  [".git-credentials", "your git passwords"],
  [".netrc", "your passwords of servers"],
  [".npmrc", "your npm token"],
  [".pypirc", "your PyPI token"],
  [".password-store", "your passwords"],
  [".local/share/keyrings", "your keyrings"],
  [".mozilla", "your browser's sessions"],
  [".config/google-chrome", "your browser's sessions"],
  [".config/chromium", "your browser's sessions"],
];

/** Sockets of programs that start containers, below one of the runtime directories. */
const engineSockets = [
  "docker.sock",
  "podman/podman.sock",
  "containerd/containerd.sock",
  "crio/crio.sock",
  "buildkit/buildkitd.sock",
];

/**
 * One warning for each mount that hands over more than it seems to.  Nothing is forbidden: what a
 * user may reach, the user may share.
 */
export function guardWarnings(
  mounts: readonly ContainerMount[],
  places: GuardedPlaces,
): readonly string[] {
  return mounts.flatMap((mount) => {
    if (mount.type !== "bind") return [];
    const source = places.resolve(mount.source) ?? mount.source;
    const risk = riskOf(source, mount.readOnly, places);
    return risk === undefined ? [] : [`mount ${mount.source} on ${mount.target}: ${risk}`];
  });
}

function riskOf(source: string, readOnly: boolean, places: GuardedPlaces): string | undefined {
  const does = readOnly ? "read" : "read and change";
  if (source === "/") {
    return `the container may ${does} all files of this host that you may ${does}, your home and its keys among them`;
  }
  const socket = socketIn(source, places);
  if (socket !== undefined) {
    return `through ${socket} the container starts containers outside of it, with any mount: that is all the power of the engine behind it`;
  }
  if (isWithin(places.home, source)) {
    const then = readOnly
      ? ""
      : "; what it writes to your shell's start-up files runs as you, outside";
    return `the container may ${does} your whole home, its keys and credentials among it${then}`;
  }
  const given = secrets.filter(([place]) => {
    const secret = places.resolve(path.join(places.home, place));
    return secret !== undefined && (isWithin(source, secret) || isWithin(secret, source));
  });
  if (given.length === 0) return undefined;
  return `the container may ${does} ${given.map(([place, what]) => `${what} (~/${place})`).join(", ")}`;
}

/** Such a socket at or below the source. */
function socketIn(source: string, places: GuardedPlaces): string | undefined {
  if (engineSockets.some((name) => path.basename(name) === path.basename(source))) return source;
  return places.runtimeDirs
    .flatMap((directory) => engineSockets.map((name) => path.join(directory, name)))
    .find((candidate) => {
      const found = places.resolve(candidate);
      return found !== undefined && isWithin(found, source);
    });
}

/** Whether a path is a directory or below it; both without links and dots. */
function isWithin(file: string, directory: string): boolean {
  return directory === "/" || file === directory || file.startsWith(`${directory}/`);
}
