import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { TsmanError } from "../errors/index.ts";

/**
 * The authorities (PEM) that the machine's administrator gave for one registry: every `*.crt` in
 * `DIR/HOST[:PORT]/`; containers-certs.d(5).
 *
 * @throws TsmanError REGISTRY_TLS if such a file cannot be read
 */
export function readRegistryAuthorities(dirs: readonly string[], host: string): string[] {
  const authorities: string[] = [];
  for (const dir of dirs) {
    const own = path.join(dir, host);
    for (const name of listFiles(own)) {
      if (!name.endsWith(".crt")) continue;
      const file = path.join(own, name);
      try {
        authorities.push(readFileSync(file, "utf8"));
      } catch (error) {
        throw new TsmanError("REGISTRY_TLS", `read certificate ${file}: not readable`, {
          hint: `make ${file} readable for this user`,
          cause: error,
        });
      }
    }
  }
  return authorities;
}

function listFiles(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    // Most registries have no such directory.
    return [];
  }
}

/**
 * A TLS context that knows Node's own authorities, the system's if asked, and further ones.
 *
 * The system's are left out at first: reading them takes 150 ms, and the public registries do not
 * need them.
 */
export function createTrust(further: readonly string[], withSystem: boolean): tls.SecureContext {
  const authorities = new Set(tls.getCACertificates("default"));
  if (withSystem) for (const each of tls.getCACertificates("system")) authorities.add(each);
  for (const each of further) authorities.add(each);
  try {
    return tls.createSecureContext({ ca: [...authorities] });
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown";
    throw new TsmanError("REGISTRY_TLS", `read the registry's certificate authorities: ${why}`, {
      hint: "look at the .crt files in /etc/containers/certs.d and /etc/docker/certs.d",
      cause: error,
    });
  }
}
