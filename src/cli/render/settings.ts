import type { SettingEntry, SettingOrigin } from "../../config/settings.ts";
import type { ExplainedSetting } from "../../engine/explain-settings.ts";
import type { ListingRow } from "./listing.ts";

/** The rows of `config show`. */
export function settingRows(entries: readonly SettingEntry[]): readonly ListingRow[] {
  return entries.map(({ key, value, origin }) => ({
    fields: { Key: key, Value: valueText(value), Origin: originText(origin) },
    json: { key, value, origin },
  }));
}

/** What `config explain` says. */
export function explanation({ guide, entries }: ExplainedSetting): string {
  const values = entries.map(
    ({ key, value, origin }) => `${key} = ${valueText(value)}  (${originText(origin)})`,
  );
  const now = values.length === 0 ? "not set" : values.join("\n");
  return `${guide.key}: ${guide.takes}\n${guide.meaning}\n\nNow:\n${indent(now)}\n\nIn config.toml, for example:\n${indent(guide.example)}\n`;
}

/** As in TOML. */
function valueText(value: SettingEntry["value"]): string {
  if (typeof value === "object") return `[${value.map((each) => JSON.stringify(each)).join(", ")}]`;
  return JSON.stringify(value);
}

function originText(origin: SettingOrigin): string {
  switch (origin.kind) {
    case "default":
      return "default";
    case "environment":
      return `environment: ${origin.name}`;
    case "file":
      return origin.line === undefined ? origin.file : `${origin.file}:${origin.line}`;
  }
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
