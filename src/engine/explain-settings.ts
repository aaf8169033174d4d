import { existsSync } from "node:fs";
import { findConfigFiles } from "../config/config-files.ts";
import { nearest } from "../config/nearest.ts";
import { type SettingGuide, settingGuide } from "../config/setting-guide.ts";
import type { SettingEntry } from "../config/settings.ts";
import { TsmanError } from "../errors/index.ts";
import type { EngineContext } from "./context.ts";

/** What is configured, and where. */
export interface Configuration {
  /** Everything that counts, defaults included. */
  readonly entries: readonly SettingEntry[];
  /**
   * What a setting means, and its values.
   *
   * @throws TsmanError USAGE for a key that is none, naming the nearest
   */
  explain(key: string): ExplainedSetting;
}

/** A setting with its values, of which one with a name in it may have several. */
export interface ExplainedSetting {
  readonly guide: SettingGuide;
  readonly entries: readonly SettingEntry[];
}

/** The files of the configuration. */
export interface ConfigurationFiles {
  /** tsman's own, whether it is there or not. */
  readonly own: string;
  /** All that are there, the most important first. */
  readonly read: readonly string[];
}

/** The configuration as the engine reads it. */
export async function readConfiguration(context: EngineContext): Promise<Configuration> {
  const { entries } = await context.settings();
  return { entries, explain: (key) => explainSetting(key, entries) };
}

/** Where the configuration comes from; nothing is read. */
export function configurationFiles({ paths }: EngineContext): ConfigurationFiles {
  const { own, registries } = findConfigFiles(paths.configDir);
  return { own, read: [own, ...registries.toReversed()].filter((file) => existsSync(file)) };
}

function explainSetting(key: string, entries: readonly SettingEntry[]): ExplainedSetting {
  const guide = settingGuide.find((each) => patternOf(each.key).test(key));
  if (guide === undefined) {
    const meant = nearest(
      key,
      [...settingGuide, ...entries].map((each) => each.key),
    );
    throw new TsmanError("USAGE", `explain setting ${JSON.stringify(key)}: there is none`, {
      hint:
        meant === undefined
          ? "list all settings with: tsman config show"
          : `did you mean ${meant}?`,
    });
  }
  // One value if a name is in the key, else all of this kind.
  const isGeneral = key === guide.key || key === guide.key.replace(/\.(?:PREFIX|NAME)/, "");
  const isMeant = (entry: SettingEntry): boolean =>
    isGeneral ? patternOf(guide.key).test(entry.key) : entry.key === key;
  return { guide, entries: entries.filter(isMeant) };
}

/** `registry.PREFIX.mirror`, `registry.mirror` and `registry."docker.io".mirror` mean the same. */
function patternOf(key: string): RegExp {
  const parts = key.split(".").map((part) => {
    if (part === "PREFIX") return '(?:\\.(?:PREFIX|"[^"]+"|[\\w-]+))?';
    if (part === "NAME") return '(?:\\.(?:NAME|"[^"]+"|[\\w-]+))?';
    return `\\.${part}`;
  });
  return new RegExp(`^${parts.join("").slice(2)}$`);
}
