import type { TsmanEvent } from "../../engine/types.ts";
import { invalidValue } from "../usage-error.ts";

const known = ["container", "event", "image", "label", "type", "volume"];

/**
 * What `tsman events --filter` keeps: filters of one key are alternatives, keys must all agree, as
 * with Podman.
 */
export function eventFilter(texts: readonly string[]): (event: TsmanEvent) => boolean {
  const filters = texts.map((text) => {
    const equals = text.indexOf("=");
    const key = text.slice(0, Math.max(0, equals)).toLowerCase();
    if (known.includes(key)) return { key, value: text.slice(equals + 1) };
    const why = equals < 0 ? "not KEY=VALUE" : `no filter ${JSON.stringify(key)}`;
    throw invalidValue("--filter", text, why, `use one of: ${known.join(", ")}`);
  });
  const byKey = Map.groupBy(filters, ({ key }) => key);
  return (event) =>
    [...byKey].every(([key, group]) => group.some(({ value }) => matches(event, key, value)));
}

function matches(event: TsmanEvent, key: string, value: string): boolean {
  switch (key) {
    case "container":
      return event.type === "container" && isCalled(event, value);
    case "event":
      // Docker says "destroy" and "die".
      return event.status === ({ die: "died", destroy: "remove" }[value] ?? value);
    case "image":
      return event.type === "image" ? isImage(event, value) : isImageName(event.image, value);
    case "label": {
      const [name = "", ...rest] = value.split("=");
      if (!Object.hasOwn(event.attributes, name)) return false;
      return rest.length === 0 || event.attributes[name] === rest.join("=");
    }
    case "type":
      return event.type === value;
    default:
      return event.type === "volume" && event.name === value;
  }
}

function isCalled({ id, name }: TsmanEvent, value: string): boolean {
  return name === value || (value !== "" && id?.startsWith(value) === true);
}

function isImage(event: TsmanEvent, value: string): boolean {
  const digits = event.id?.replace(/^sha256:/, "") ?? "";
  const isId = value !== "" && digits.startsWith(value.replace(/^sha256:/, ""));
  return isId || isImageName(event.name, value);
}

/** The whole name, or its end, with or without the tag. */
function isImageName(name: string | undefined, value: string): boolean {
  if (name === undefined || value === "") return false;
  const untagged = name.replace(/:[^:/]*$/, "");
  return [name, untagged].some((one) => one === value || one.endsWith(`/${value}`));
}
