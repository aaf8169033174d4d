import type { ContainerSummary } from "../../engine/types.ts";
import { shownState } from "./container-rows.ts";

type Order = (a: ContainerSummary, b: ContainerSummary) => number;

const byText =
  (of: (container: ContainerSummary) => string): Order =>
  (a, b) => {
    const [left, right] = [of(a), of(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  };

const byTime =
  (of: (container: ContainerSummary) => string | undefined): Order =>
  (a, b) =>
    Date.parse(of(a) ?? "0001-01-01T00:00:00Z") - Date.parse(of(b) ?? "0001-01-01T00:00:00Z");

/** What `tsman ps --sort` takes: Podman's words. */
export const containerOrders = {
  command: byText(({ command }) => command.join(" ")),
  created: byTime(({ createdAt }) => createdAt),
  id: byText(({ id }) => id),
  image: byText(({ image }) => image),
  names: byText(({ name }) => name),
  runningfor: byTime(({ startedAt }) => startedAt),
  size: (a, b) => (a.size?.writable ?? 0) - (b.size?.writable ?? 0),
  status: byText(shownState),
} as const satisfies Readonly<Record<string, Order>>;

/** A word of {@link containerOrders}. */
export type ContainerOrder = keyof typeof containerOrders;

/**
 * The containers in the order in which `ps` shows them: the oldest at the top, as with Podman.
 *
 * @param choice.last only so many of the newest; missing: all.
 */
export function inOrder(
  containers: readonly ContainerSummary[],
  choice: { readonly last: number | undefined; readonly sort: ContainerOrder | undefined },
): readonly ContainerSummary[] {
  const newestFirst = containers.toSorted((a, b) => containerOrders.created(b, a));
  const chosen = newestFirst.slice(0, choice.last).reverse();
  return choice.sort === undefined ? chosen : chosen.sort(containerOrders[choice.sort]);
}
