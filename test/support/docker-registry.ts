import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./free-port.ts";
import { Transcript } from "./wait.ts";

/** Who may use a {@link DockerRegistry}. */
export type RegistryGuard =
  /** {@link testUser} only. */
  | { readonly kind: "htpasswd" }
  /** Whoever has a token that was signed by the owner of the certificate. */
  | {
      readonly kind: "token";
      readonly realm: string;
      readonly service: string;
      readonly issuer: string;
      /** PEM */
      readonly certificate: string;
    };

/** Whom the registries of the tests know. */
export const testUser = { username: "alice", password: "wonderland 42" } as const;

/** The password above, by bcrypt with few rounds. */
const passwordFile = `${testUser.username}:$2b$04$YiZrH9R/edtu.ekQ2CzW6uKYTRPWttzC.x7Rs9OCn6HMYUx6w25vu\n`;

/** Debian's docker-registry, empty, for one test. */
export interface DockerRegistry extends AsyncDisposable {
  /** host:port */
  readonly address: string;
  /** Methods and paths of the requests so far, from its access log. */
  readonly requests: () => readonly string[];
}

/** Starts a docker-registry on a free port of loopback. */
export async function startDockerRegistry(guard?: RegistryGuard): Promise<DockerRegistry> {
  const directory = await mkdtemp(join(tmpdir(), "tsman-registry-"));
  const address = `127.0.0.1:${await freePorts()}`;
  const config = join(directory, "config.json");
  // YAML takes JSON.
  await writeFile(
    config,
    JSON.stringify({
      version: "0.1",
      log: { level: "info", formatter: "json" },
      storage: {
        filesystem: { rootdirectory: join(directory, "data") },
        delete: { enabled: true },
      },
      http: { addr: address },
      ...(guard !== undefined && { auth: await guardConfig(guard, directory) }),
    }),
  );
  // It must not outlive us, even when we are killed.
  const server = spawn("setpriv", ["--pdeathsig=KILL", "docker-registry", "serve", config], {
    stdio: ["ignore", "pipe", "pipe"],
    // Only what it needs: REGISTRY_* variables would change its configuration.
    env: { PATH: process.env.PATH },
  });
  const ended = once(server, "exit");
  ended.catch(() => undefined);
  const accesses = new Transcript(server.stdout);
  await new Transcript(server.stderr).until("listening on");
  return {
    address,
    requests: () =>
      [...accesses.text.matchAll(/"(?<request>[A-Z]+ \S+) HTTP\/1\.1"/g)].map(
        ({ groups }) => groups?.request ?? "",
      ),
    [Symbol.asyncDispose]: async () => {
      if (server.exitCode === null && server.signalCode === null) server.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}

async function guardConfig(guard: RegistryGuard, directory: string): Promise<object> {
  if (guard.kind === "htpasswd") {
    const path = join(directory, "htpasswd");
    await writeFile(path, passwordFile);
    return { htpasswd: { realm: "test registry", path } };
  }
  const { realm, service, issuer, certificate } = guard;
  const rootcertbundle = join(directory, "issuer.pem");
  await writeFile(rootcertbundle, certificate);
  return { token: { realm, service, issuer, rootcertbundle } };
}
