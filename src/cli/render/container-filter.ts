import type { ContainerSummary } from "../../engine/types.ts";
import { parseMoment } from "../options/duration.ts";
import { invalidValue } from "../usage-error.ts";
import { shownState } from "./container-rows.ts";
import { type Filter, matchesLabel, parseFilters, passes } from "./filter.ts";

/** Whether a container passes; `all` is where `before` and `since` look for the other one. */
export type ContainerFilter = (
  container: ContainerSummary,
  all: readonly ContainerSummary[],
) => boolean;

type Matcher = ContainerFilter;

const states = [
  "created",
  "initialized",
  "running",
  "paused",
  "restarting",
  "exited",
  "stopped",
  "unknown",
];
const healths = ["starting", "healthy", "unhealthy", "none"];

/** What a value means, once for all containers; throws for a value that can mean nothing. */
const matchers: Readonly<Record<string, (filter: Filter) => Matcher>> = {
  ancestor: ({ value }) => {
    return (container) => isAncestor(container, value);
  },
  before: (filter) => besideOther(filter, (time, other) => time < other),
  command: ({ value }) => {
    return ({ command }) => command[0] === value;
  },
  exited: (filter) => {
    const status = wholeNumber(filter);
    return ({ state, exitCode }) => state === "stopped" && exitCode === status;
  },
  expose: (filter) => {
    const isMeant = portRange(filter);
    return ({ exposed = [], ports }) =>
      [...exposed, ...ports].some((port) => isMeant(port.containerPort, port.protocol));
  },
  health: (filter) => {
    const wanted = oneOf(filter, healths);
    return ({ health = "none" }) => health === wanted;
  },
  id: ({ value }) => {
    return ({ id }) => id.startsWith(value.toLowerCase());
  },
  "is-infra": (filter) => {
    const wanted = oneOf(filter, ["true", "false"]) === "true";
    return () => !wanted;
  },
  label: ({ value }) => {
    return ({ labels }) => matchesLabel(labels, value);
  },
  name: (filter) => {
    const pattern = regularExpression(filter);
    return ({ name }) => pattern.test(name);
  },
  network: ({ value }) => {
    return ({ network }) => network === value;
  },
  // There are no pods, so none is in one.
  pod: () => () => false,
  // Docker's page shows the container's port, people write the host's.
  publish: (filter) => {
    const isMeant = portRange(filter);
    return ({ ports }) =>
      ports.some(
        ({ containerPort, hostPort, protocol }) =>
          isMeant(containerPort, protocol) || isMeant(hostPort, protocol),
      );
  },
  "restart-policy": (filter) => {
    const wanted = oneOf(filter, ["no", "on-failure", "always", "unless-stopped"]);
    return ({ restartPolicy = "no" }) => restartPolicy === wanted;
  },
  since: (filter) => besideOther(filter, (time, other) => time > other),
  status: (filter) => {
    const given = oneOf(filter, states);
    const wanted = given === "stopped" ? "exited" : given;
    return (container) => shownState(container) === wanted;
  },
  until: ({ value }) => {
    const until = parseMoment(value, "--filter until", Date.now()).getTime();
    return ({ createdAt }) => Date.parse(createdAt) < until;
  },
  volume: ({ value }) => {
    return ({ mounts, mountSources = [] }) =>
      mounts.includes(value) || mountSources.includes(value);
  },
};

/**
 * What `--filter` keeps, with Podman's keys.
 *
 * @throws TsmanError USAGE for an unknown key, naming those there are, and for a value that can
 * mean nothing; the filter itself when `before` or `since` name no container.
 */
export function containerFilter(texts: readonly string[]): ContainerFilter {
  const filters = parseFilters(texts, Object.keys(matchers));
  const compiled = new Map(
    filters.map((filter) => [filter, (matchers[filter.key] as (of: Filter) => Matcher)(filter)]),
  );
  return (container, all) =>
    passes(filters, (filter) => compiled.get(filter)?.(container, all) ?? false);
}

/** Whether some filter speaks of containers that do not run, so that these have to be listed. */
export function wantsStopped(texts: readonly string[]): boolean {
  return texts.some((text) => /^(?:status|exited)!?=/.test(text));
}

/** Whether some filter compares with another container, which need not run. */
export function namesOther(texts: readonly string[]): boolean {
  return texts.some((text) => /^(?:before|since)!?=/.test(text));
}

/** Made before or after another container. */
function besideOther(
  { key, value }: Filter,
  compare: (time: number, other: number) => boolean,
): Matcher {
  let other: number | undefined;
  return ({ createdAt }, all) => {
    other ??= Date.parse(findOther(key, value, all).createdAt);
    return compare(Date.parse(createdAt), other);
  };
}

function findOther(key: string, value: string, all: readonly ContainerSummary[]): ContainerSummary {
  const other =
    all.find(({ id, name }) => name === value || id === value) ??
    all.find(({ id }) => value !== "" && id.startsWith(value));
  if (other !== undefined) return other;
  throw invalidValue(
    "--filter",
    `${key}=${value}`,
    "no such container",
    "name a container of tsman ps --all",
  );
}

/** By image id, or by the end of its name, with or without the tag. */
function isAncestor(container: ContainerSummary, wanted: string): boolean {
  const id = container.imageId?.replace(/^sha256:/, "");
  if (wanted !== "" && id?.startsWith(wanted.replace(/^sha256:/, "")) === true) return true;
  const untagged = container.image.replace(/:[^:/]*$/, "");
  return [container.image, untagged].some((name) => name === wanted || name.endsWith(`/${wanted}`));
}

function oneOf({ key, value }: Filter, words: readonly string[]): string {
  if (words.includes(value)) return value;
  const right = `use one of: ${words.join(", ")}`;
  throw invalidValue("--filter", `${key}=${value}`, `no such ${key}`, right);
}

function wholeNumber({ key, value }: Filter): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw invalidValue("--filter", `${key}=${value}`, "not a whole number", `write ${key}=0`);
}

/** `80`, `80/udp`, `8000-8010/tcp`, as of Docker. */
function portRange({ key, value }: Filter): (port: number, protocol: string) => boolean {
  const [, first = "", last = first, protocol = "tcp"] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp))?$/.exec(value) ?? [];
  if (first === "" || Number(first) > Number(last)) {
    const right = `write ${key}=80, ${key}=53/udp or ${key}=8000-8010`;
    throw invalidValue("--filter", `${key}=${value}`, "not a port", right);
  }
  return (port, of) => of === protocol && port >= Number(first) && port <= Number(last);
}

function regularExpression({ key, value }: Filter): RegExp {
  try {
    return new RegExp(value);
  } catch {
    throw invalidValue(
      "--filter",
      `${key}=${value}`,
      "not a regular expression",
      "write a part of the name, or ^name$ for exactly that one",
    );
  }
}
