import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ContainerSummary, ImageSummary } from "../../../src/engine/types.ts";

/** A container that runs, changed as the test needs. */
export function container(changes: Partial<ContainerSummary> = {}): ContainerSummary {
  return {
    id: "0123456789abcdef".repeat(4),
    name: "web",
    image: "docker.io/library/nginx:latest",
    imageId: `sha256:${"ab".repeat(32)}`,
    command: ["nginx", "-g", "daemon off;"],
    createdAt: "2026-01-01T11:00:00Z",
    state: "running",
    startedAt: "2026-01-01T11:59:00Z",
    ports: [{ hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    labels: { tier: "front" },
    mounts: ["/src"],
    mountSources: ["data"],
    network: "slirp4netns",
    tty: false,
    interactive: false,
    ...changes,
  };
}

/** An image, changed as the test needs. */
export function image(changes: Partial<ImageSummary> = {}): ImageSummary {
  return {
    id: `sha256:${"ab".repeat(32)}`,
    kind: "image",
    names: ["docker.io/library/alpine:latest"],
    repoDigests: [`docker.io/library/alpine@sha256:${"cd".repeat(32)}`],
    digest: `sha256:${"cd".repeat(32)}`,
    createdAt: "2025-12-30T12:00:00Z",
    size: 7_660_000,
    labels: {},
    platform: { os: "linux", architecture: "amd64" },
    containers: 0,
    ...changes,
  };
}

/** A directory for the files that a command line names. */
export function scratch(): Disposable & { file: (name: string, content: string) => string } {
  const directory = mkdtempSync(path.join(os.tmpdir(), "tsman-command-"));
  return {
    file: (name, content) => {
      const file = path.join(directory, name);
      writeFileSync(file, content);
      return file;
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}
