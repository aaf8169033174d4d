import { formatName, type Reference } from "../oci/reference.ts";

/**
 * The scopes of an image of a registry, the narrowest first: the full reference, the repository,
 * what is above it, the host, `*.` and what the host is in; containers-policy.json(5), "docker:".
 */
export function registryScopes(reference: Reference): readonly string[] {
  const { registry, digest, tag } = reference;
  const name = formatName(reference);
  const scopes = [digest === undefined ? `${name}:${tag}` : `${name}@${digest}`];
  for (let rest = name; rest !== ""; rest = rest.slice(0, Math.max(0, rest.lastIndexOf("/")))) {
    scopes.push(rest);
  }
  const labels = registry.split(".");
  for (let from = 1; from < labels.length; from += 1) {
    scopes.push(`*.${labels.slice(from).join(".")}`);
  }
  return scopes;
}

/** The scopes of a file or directory: itself and the directories that it is in, but not `/`. */
export function pathScopes(path: string): readonly string[] {
  const scopes: string[] = [];
  for (let rest = path; rest !== ""; rest = rest.slice(0, Math.max(0, rest.lastIndexOf("/")))) {
    scopes.push(rest);
  }
  return scopes;
}
