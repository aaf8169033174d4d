import type { ContainerSummary } from "../../engine/types.ts";
import { shownState } from "./container-rows.ts";
import { type Filter, matchesLabel, parseFilters, passes } from "./filter.ts";

const known = [
  "id",
  "name",
  "status",
  "label",
  "ancestor",
  "exited",
  "volume",
  "network",
  "before",
  "since",
  "command",
];

/** What `tsman ps --filter` keeps. */
export function containerFilter(
  texts: readonly string[],
): (container: ContainerSummary, all: readonly ContainerSummary[]) => boolean {
  const filters = parseFilters(texts, known);
  return (container, all) => passes(filters, (filter) => matches(filter, container, all));
}

/** Whether some filter speaks of containers that do not run, so that these have to be listed. */
export function wantsStopped(texts: readonly string[]): boolean {
  return texts.some((text) => /^(?:status|exited)!?=/.test(text));
}

function matches(
  { key, value }: Filter,
  container: ContainerSummary,
  all: readonly ContainerSummary[],
): boolean {
  switch (key) {
    case "id":
      return container.id.startsWith(value);
    case "name":
      return container.name.includes(value);
    case "status":
      return shownState(container) === (value === "stopped" ? "exited" : value);
    case "label":
      return matchesLabel(container.labels, value);
    case "ancestor":
      return isAncestor(container, value);
    case "exited":
      return container.state === "stopped" && String(container.exitCode) === value;
    case "volume":
      return container.mounts.some((mount) => mount === value);
    case "network":
      return container.network === value;
    case "command":
      return container.command[0] === value;
    default: {
      const other = all.find(({ id, name }) => name === value || id.startsWith(value));
      if (other === undefined) return false;
      const difference = Date.parse(container.createdAt) - Date.parse(other.createdAt);
      return key === "before" ? difference < 0 : difference > 0;
    }
  }
}

/** By image id, or by the end of its name, with or without the tag. */
function isAncestor(container: ContainerSummary, wanted: string): boolean {
  if (
    container.imageId?.replace(/^sha256:/, "").startsWith(wanted.replace(/^sha256:/, "")) === true
  ) {
    return true;
  }
  const untagged = container.image.replace(/:[^:/]*$/, "");
  return [container.image, untagged].some((name) => name === wanted || name.endsWith(`/${wanted}`));
}
