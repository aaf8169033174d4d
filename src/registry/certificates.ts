import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { TsmanError } from "../errors/index.ts";

/** What the user or the administrator gave for one registry; PEM. */
export interface RegistryCertificates {
  /** Further authorities. */
  readonly authorities: readonly string[];
  /** Who we are to it. */
  readonly client?: ClientCertificate | undefined;
  /** Where they were found, for messages. */
  readonly directories: readonly string[];
}

/** A certificate with its key. */
interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads a registry's certificates: of each directory all `*.crt` as authorities, and of the first
 * that has one, `NAME.cert` with `NAME.key` as ours; containers-certs.d(5).
 *
 * @param directories the most important first; those that do not exist are left out.
 * @throws TsmanError REGISTRY_TLS for a file that cannot be read, or a pair that is none
 */
export function readCertificates(directories: readonly string[]): RegistryCertificates {
  const authorities: string[] = [];
  const used: string[] = [];
  let client: ClientCertificate | undefined;
  for (const directory of directories) {
    const names = listFiles(directory);
    for (const name of names.filter((each) => each.endsWith(".crt"))) {
      authorities.push(readCertificate(path.join(directory, name)));
    }
    client ??= readPair(directory, names);
    if (names.length > 0) used.push(directory);
  }
  return { authorities, client, directories: used };
}

/**
 * A directory that was named, which has to be there.
 *
 * @throws TsmanError REGISTRY_TLS
 */
export function requireDirectory(directory: string): string {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return directory;
  throw new TsmanError(
    "REGISTRY_TLS",
    `read certificates in ${directory}: there is no such directory`,
    { hint: "correct --cert-dir" },
  );
}

function readPair(directory: string, names: readonly string[]): ClientCertificate | undefined {
  const cert = names.find((name) => name.endsWith(".cert"));
  const key = names.find((name) => name.endsWith(".key"));
  if (cert === undefined && key === undefined) return undefined;
  const name = path.parse(cert ?? key ?? "").name;
  const pair = [`${name}.cert`, `${name}.key`];
  const missing = pair.find((each) => !names.includes(each));
  if (missing !== undefined) {
    throw new TsmanError(
      "REGISTRY_TLS",
      `read client certificate in ${directory}: ${cert ?? key} is there without ${missing}`,
      { hint: `a certificate needs its key: put ${missing} beside it; authorities end in .crt` },
    );
  }
  const [certFile = "", keyFile = ""] = pair.map((each) => path.join(directory, each));
  return { cert: readCertificate(certFile), key: readCertificate(keyFile) };
}

function readCertificate(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new TsmanError("REGISTRY_TLS", `read certificate ${file}: not readable`, {
      hint: `make ${file} readable for this user`,
      cause: error,
    });
  }
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
 * A TLS context that knows Node's own authorities, the system's if asked, and a registry's own.
 *
 * The system's are left out at first: reading them takes 150 ms, and the public registries do not
 * need them.
 *
 * @throws TsmanError REGISTRY_TLS for files that are no certificates or keys
 */
export function createTrust(
  { authorities, client, directories }: RegistryCertificates,
  withSystem: boolean,
): tls.SecureContext {
  const all = new Set(tls.getCACertificates("default"));
  if (withSystem) for (const each of tls.getCACertificates("system")) all.add(each);
  for (const each of authorities) all.add(each);
  try {
    return tls.createSecureContext({ ca: [...all], ...client });
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown";
    const where = directories.join(" and ");
    throw new TsmanError("REGISTRY_TLS", `read the registry's certificates in ${where}: ${why}`, {
      hint: "*.crt are authorities, NAME.cert and NAME.key a client's pair, all PEM, the key without a password",
      cause: error,
    });
  }
}
