import type { ContainerOptions } from "../../container/options.ts";
import type { MonitorEvent } from "../../runtime/launch-context.ts";
import type { ContainerEventStatus, EmittedEvent, EventFile } from "../../store/events.ts";
import { monitorEventLine } from "../../store/events.ts";

/** Of which container an event tells: a record, or the plan of one. */
export interface EventContainer {
  readonly id: string;
  readonly name: string;
  readonly imageName: string;
  readonly options: Pick<ContainerOptions, "labels">;
}

/** Something that happened to a container; its labels are attributes, as with Podman. */
export function containerEvent(
  status: ContainerEventStatus,
  container: EventContainer,
  attributes: Readonly<Record<string, string>> = {},
): EmittedEvent {
  return {
    type: "container",
    status,
    id: container.id,
    name: container.name,
    image: container.imageName,
    attributes: { ...container.options.labels, ...attributes },
  };
}

/** What a monitor is to write down by itself when it happens. */
export function monitorEvents(
  events: Pick<EventFile, "path">,
  container: EventContainer,
  statuses: readonly MonitorEvent["status"][],
  attributes: Readonly<Record<string, string>> = {},
): readonly MonitorEvent[] {
  return statuses.map((status) => ({
    status,
    path: events.path,
    line: monitorEventLine(containerEvent(status, container, attributes)),
  }));
}
