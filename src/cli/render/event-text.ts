import type { TsmanEvent } from "../../engine/types.ts";
import { compileTemplate } from "../template/compile-template.ts";
import { goMap } from "../template/go-map.ts";
import { goMoment, goTime } from "./container-rows.ts";
import { escapeCell, escapeControls, printableJson } from "./escape.ts";

/** How events are shown. */
interface EventStyle {
  /** Whole ids. */
  readonly isFull: boolean;
}

/**
 * How an event becomes a line of output: for people, as JSON or through a template.
 *
 * @param format of `--format`; missing: for people.
 * @throws TsmanError USAGE
 */
export function eventLine(
  format: string | undefined,
  { isFull, isTerminal }: { readonly isFull: boolean; readonly isTerminal: boolean },
): (event: TsmanEvent) => string {
  // One event, one line, whatever a label holds.
  if (format === undefined) return (event) => escapeCell(eventText(event, { isFull }));
  // One document a line, as Podman does, since the list has no end.
  if (/^(?:json|\{\{\s*json\s+\.\s*\}\})$/.test(format)) {
    return (event) => printableJson(eventJson(event), 0);
  }
  const template = compileTemplate(format);
  return (event) => {
    const shown = template(eventFields(event));
    return isTerminal ? escapeControls(shown) : shown;
  };
}

/** An event for people, in Podman's form: `TIME TYPE STATUS ID (image=…, name=…, LABEL=…)`. */
function eventText(event: TsmanEvent, style: EventStyle): string {
  const id = shownId(event, style);
  const start = `${goTime(event.time)} ${event.type} ${event.status} `;
  if (event.type === "image") return `${start}${id} ${event.name}`;
  if (event.type === "volume") return `${start}${event.name}`;
  const facts = [
    `image=${event.image ?? ""}`,
    `name=${event.name}`,
    ...(event.health === undefined ? [] : [`health_status=${event.health}`]),
    ...(event.exitCode === undefined ? [] : [`exit_code=${event.exitCode}`]),
    ...Object.entries(event.attributes).map(([key, value]) => `${key}=${value}`),
  ];
  return `${start}${id} (${facts.join(", ")})`;
}

/** An event as JSON shows it: Podman's members, on one line. */
function eventJson(event: TsmanEvent): object {
  return {
    ...(event.exitCode === undefined ? {} : { ContainerExitCode: event.exitCode }),
    ...(event.id === undefined ? {} : { ID: imageDigits(event.id) }),
    ...(event.image === undefined ? {} : { Image: event.image }),
    Name: event.name,
    Status: event.status,
    Time: goMoment(event.time),
    Type: event.type,
    ...(event.health === undefined ? {} : { health_status: event.health }),
    Attributes: event.attributes,
  };
}

/** What templates see. */
function eventFields(event: TsmanEvent): Readonly<Record<string, unknown>> {
  return {
    ID: event.id === undefined ? "" : imageDigits(event.id),
    Name: event.name,
    Image: event.image ?? "",
    Status: event.status,
    Type: event.type,
    Time: goTime(event.time),
    TimeNano: event.time,
    ContainerExitCode: event.exitCode ?? 0,
    HealthStatus: event.health ?? "",
    Attributes: goMap({ ...event.attributes }),
    Details: { ID: "", Attributes: goMap({ ...event.attributes }) },
    Network: "",
    // Docker's names.
    Action: event.status,
    From: event.image ?? "",
  };
}

function shownId({ id }: TsmanEvent, { isFull }: EventStyle): string {
  const digits = imageDigits(id ?? "");
  return isFull ? digits : digits.slice(0, 12);
}

function imageDigits(id: string): string {
  return id.replace(/^sha256:/, "");
}
