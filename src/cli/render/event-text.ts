import type { TsmanEvent } from "../../engine/types.ts";
import { goMap } from "../template/go-map.ts";

/** How events are shown. */
export interface EventStyle {
  /** Whole ids. */
  readonly isFull: boolean;
}

/** An event for people, in Podman's form: `TIME TYPE STATUS ID (image=…, name=…, LABEL=…)`. */
export function eventText(event: TsmanEvent, style: EventStyle): string {
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
export function eventJson(event: TsmanEvent): object {
  return {
    ...(event.exitCode === undefined ? {} : { ContainerExitCode: event.exitCode }),
    ...(event.id === undefined ? {} : { ID: imageDigits(event.id) }),
    ...(event.image === undefined ? {} : { Image: event.image }),
    Name: event.name,
    Status: event.status,
    Time: event.time,
    Type: event.type,
    ...(event.health === undefined ? {} : { health_status: event.health }),
    Attributes: event.attributes,
  };
}

/** What templates see. */
export function eventFields(event: TsmanEvent): Readonly<Record<string, unknown>> {
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

/** As Go prints a moment: `2006-01-02 15:04:05.999999999 +0000 UTC`. */
function goTime(time: string): string {
  const fraction = time.slice(19, -1).replace(/\.?0+$/, "");
  return `${time.slice(0, 10)} ${time.slice(11, 19)}${fraction} +0000 UTC`;
}
