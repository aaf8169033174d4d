import process from "node:process";

/** An OCI platform: image-spec/image-index.md, "platform". */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** GOARCH names of Node's `process.arch`; https://go.dev/doc/install/source#environment. */
const goArchitectures: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  arm: "arm",
  ia32: "386",
  ppc64: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
  loong64: "loong64",
};

/** The platform of this host. */
export function hostPlatform(): Platform {
  const architecture = goArchitectures[process.arch] ?? process.arch;
  return { os: "linux", architecture };
}

/** `os/arch[/variant]`, as `--platform` takes it. */
export function formatPlatform(platform: Platform): string {
  const variant = platform.variant === undefined ? "" : `/${platform.variant}`;
  return `${platform.os}/${platform.architecture}${variant}`;
}
