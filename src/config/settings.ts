import type * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import type { RegistryRule } from "../oci/registry-rules.ts";
import { defaultShortNames, type ShortNameRules } from "../oci/short-names.ts";
import type { ConfigFiles } from "./config-files.ts";
import { configSchema } from "./config-schema.ts";
import { type ProxyEnvironment, proxyEnvironment, proxyVariable } from "./environment.ts";
import { registriesConfSchema, registryRule } from "./registry-schema.ts";
import { formatKey, type KeyPath, readToml, type TomlFile } from "./toml.ts";

/** How patiently and how busily registries are asked; times in milliseconds. */
export interface TransferSettings {
  /** Connections to one registry at a time. */
  readonly connections: number;
  /** Failures in a row, without progress in between, before giving up. */
  readonly retries: number;
  readonly connectTimeout: number;
  /** From a request to its first answer. */
  readonly answerTimeout: number;
  /** Between two pieces of a body. */
  readonly stallTimeout: number;
  /** Bytes a second, on average over `stallTimeout`; 0: any. */
  readonly leastSpeed: number;
  /** A Retry-After longer than this is an error instead of a wait. */
  readonly longestWait: number;
}

/** What the store keeps. */
export interface StorageSettings {
  /** Compressed layers, though they are unpacked, and a registry has them. */
  readonly keepBlobs: boolean;
}

/** How images are fetched. */
export interface PullSettings {
  /** Of layers with a table of contents, only what the store lacks. */
  readonly partial: boolean;
}

/** What is said of what is asked for. */
export interface SecuritySettings {
  /** No warnings about mounts that give away the caller's keys and the like. */
  readonly quietGuards: boolean;
}

/** Where a value comes from. */
export type SettingOrigin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: string; readonly line?: number | undefined }
  | { readonly kind: "environment"; readonly name: string };

/** One value that counts. */
export interface SettingEntry {
  /** As in config.toml: `transfer.retries`; `registry."docker.io".mirror`. */
  readonly key: string;
  readonly value: string | number | boolean | readonly string[];
  readonly origin: SettingOrigin;
}

/** Everything that can be configured. */
export interface Settings {
  readonly shortNames: ShortNameRules;
  readonly registries: readonly RegistryRule[];
  readonly transfer: TransferSettings;
  readonly storage: StorageSettings;
  readonly pull: PullSettings;
  readonly security: SecuritySettings;
  readonly proxy: ProxyEnvironment;
  /** The same, value by value, with where it comes from. */
  readonly entries: readonly SettingEntry[];
}

/** What counts where nothing is configured. */
export const defaultTransfer: TransferSettings = {
  connections: 3,
  retries: 5,
  connectTimeout: 10_000,
  answerTimeout: 30_000,
  stallTimeout: 30_000,
  leastSpeed: 1024,
  longestWait: 60_000,
};

/** The keys of `[transfer]`; times are written as durations. */
const transferKeys = {
  connections: "connections",
  retries: "retries",
  connect_timeout: "connectTimeout",
  answer_timeout: "answerTimeout",
  stall_timeout: "stallTimeout",
  min_speed: "leastSpeed",
  longest_wait: "longestWait",
} as const satisfies Record<string, keyof TransferSettings>;

const keepBlobsKey = ["storage", "keep_blobs"] as const;
const partialKey = ["pull", "partial"] as const;
const quietGuardsKey = ["security", "quiet_guards"] as const;

type Config = z.infer<typeof configSchema>;
type RegistriesConf = Pick<
  Config,
  "aliases" | "registry" | "short-name-mode" | "unqualified-search-registries"
>;

/**
 * Reads the configuration: config.toml before registries.conf before what is built in, and proxies
 * of the environment before all.
 *
 * @throws TsmanError CONFIG_INVALID, naming file, line and key
 */
export function readSettings(files: ConfigFiles): Settings {
  const collected = new Collected();
  files.registries.forEach((file, index) => {
    const read = readRegistriesConf(file, files.isNamed && index === 0);
    if (read !== undefined) collected.addNames(read);
  });
  const own = readToml(files.own, configSchema);
  if (own !== undefined) {
    collected.addNames(own);
    collected.addOwn(own);
  }
  collected.addEnvironment(proxyEnvironment());
  return collected.settings();
}

function readRegistriesConf(file: string, isNamed: boolean): TomlFile<RegistriesConf> | undefined {
  const read = readToml(file, registriesConfSchema);
  if (read === undefined && isNamed) {
    throw new TsmanError("CONFIG_INVALID", `read configuration ${file}: there is no such file`, {
      hint: "correct or unset CONTAINERS_REGISTRIES_CONF",
    });
  }
  if (read?.value.registries !== undefined) {
    const line = read.lineOf(["registries", "search"]) ?? read.lineOf(["registries"]);
    throw new TsmanError(
      "CONFIG_INVALID",
      `read configuration ${file}${line === undefined ? "" : `:${line}`}: [registries] is of version 1 of the format, which nobody reads any more`,
      {
        hint: "write version 2: unqualified-search-registries = […] and [[registry]] tables; containers-registries.conf(5)",
      },
    );
  }
  return read;
}

/** Gathers values; later ones take the place of earlier ones. */
class Collected {
  #shortNames: ShortNameRules = defaultShortNames;
  #transfer: TransferSettings = defaultTransfer;
  #storage: StorageSettings = { keepBlobs: true };
  #pull: PullSettings = { partial: true };
  #security: SecuritySettings = { quietGuards: false };
  #proxy: ProxyEnvironment = {};
  readonly #rules = new Map<string, RegistryRule>();
  readonly #entries = new Map<string, SettingEntry>();

  constructor() {
    const origin = { kind: "default" } as const;
    this.#set(["unqualified-search-registries"], defaultShortNames.search, origin);
    this.#set(["short-name-mode"], defaultShortNames.mode, origin);
    for (const [key, name] of Object.entries(transferKeys)) {
      this.#set(["transfer", key], written(key, defaultTransfer[name]), origin);
    }
    this.#set(keepBlobsKey, this.#storage.keepBlobs, origin);
    this.#set(partialKey, this.#pull.partial, origin);
    this.#set(quietGuardsKey, this.#security.quietGuards, origin);
  }

  /** What registries.conf and config.toml have in common. */
  addNames(read: TomlFile<RegistriesConf>): void {
    const { value } = read;
    const search = value["unqualified-search-registries"];
    if (search !== undefined) {
      this.#shortNames = { ...this.#shortNames, search: search.map((host) => host.toLowerCase()) };
      this.#set(
        ["unqualified-search-registries"],
        search,
        originOf(read, ["unqualified-search-registries"]),
      );
    }
    const mode = value["short-name-mode"];
    if (mode !== undefined) {
      this.#shortNames = { ...this.#shortNames, mode };
      this.#set(["short-name-mode"], mode, originOf(read, ["short-name-mode"]));
    }
    for (const [name, meant] of Object.entries(value.aliases ?? {})) {
      this.#setAlias(name, meant, originOf(read, ["aliases", name]));
    }
    const before: RegistryRule[] = [];
    value.registry?.forEach((table, index) => {
      const rule = registryRule(table);
      assertAgreed(read, [...before, rule]);
      before.push(rule);
      this.#setRule(rule, originOf(read, ["registry", index]));
    });
  }

  addOwn(read: TomlFile<Config>): void {
    const { transfer = {}, proxy = {}, storage = {}, pull = {}, security = {} } = read.value;
    if (pull.partial !== undefined) {
      this.#pull = { partial: pull.partial };
      this.#set(partialKey, pull.partial, originOf(read, partialKey));
    }
    if (security.quiet_guards !== undefined) {
      this.#security = { quietGuards: security.quiet_guards };
      this.#set(quietGuardsKey, security.quiet_guards, originOf(read, quietGuardsKey));
    }
    if (storage.keep_blobs !== undefined) {
      this.#storage = { keepBlobs: storage.keep_blobs };
      this.#set(keepBlobsKey, storage.keep_blobs, originOf(read, keepBlobsKey));
    }
    for (const [key, name] of Object.entries(transferKeys)) {
      const given = transfer[key as keyof typeof transferKeys];
      if (given === undefined) continue;
      this.#transfer = { ...this.#transfer, [name]: given };
      this.#set(["transfer", key], written(key, given), originOf(read, ["transfer", key]));
    }
    const proxies = {
      ...(proxy.http !== undefined && { http: proxy.http }),
      ...(proxy.https !== undefined && { https: proxy.https }),
      ...(proxy.no_proxy !== undefined && { noProxy: proxy.no_proxy.join(",") }),
    };
    this.#setProxy(proxies, (key) => originOf(read, ["proxy", key]));
  }

  addEnvironment(proxy: ProxyEnvironment): void {
    this.#setProxy(proxy, (key) => ({
      kind: "environment",
      name: proxyVariable(key === "no_proxy" ? key : `${key}_proxy`),
    }));
  }

  settings(): Settings {
    return {
      shortNames: this.#shortNames,
      registries: [...this.#rules.values()],
      transfer: this.#transfer,
      storage: this.#storage,
      pull: this.#pull,
      security: this.#security,
      proxy: this.#proxy,
      entries: [...this.#entries.values()],
    };
  }

  #setAlias(name: string, meant: string, origin: SettingOrigin): void {
    const { [name]: _, ...others } = this.#shortNames.aliases;
    const key = ["aliases", name];
    this.#entries.delete(formatKey(key));
    this.#shortNames = {
      ...this.#shortNames,
      // An empty one takes an alias of an earlier file away.
      aliases: meant === "" ? others : { ...others, [name]: meant },
    };
    if (meant !== "") this.#set(key, meant, origin);
  }

  #setRule(rule: RegistryRule, origin: SettingOrigin): void {
    this.#rules.set(rule.prefix, rule);
    for (const key of [...this.#entries.keys()]) {
      if (key.startsWith(`${formatKey(["registry", rule.prefix])}.`)) this.#entries.delete(key);
    }
    const { prefix, location, insecure, blocked, mirrors = [] } = rule;
    const values = { location, insecure, blocked };
    for (const [key, value] of Object.entries(values)) {
      if (value !== undefined) this.#set(["registry", prefix, key], value, origin);
    }
    const shown = mirrors.map(
      (mirror) =>
        mirror.location +
        (mirror.pullFrom === undefined || mirror.pullFrom === "all"
          ? ""
          : ` (${mirror.pullFrom})`) +
        (mirror.insecure === true ? " (insecure)" : ""),
    );
    if (shown.length > 0) this.#set(["registry", prefix, "mirror"], shown, origin);
  }

  #setProxy(proxy: ProxyEnvironment, originFor: (key: string) => SettingOrigin): void {
    const { http, https, noProxy } = proxy;
    if (http !== undefined) this.#set(["proxy", "http"], withoutSecret(http), originFor("http"));
    if (https !== undefined) {
      this.#set(["proxy", "https"], withoutSecret(https), originFor("https"));
    }
    if (noProxy !== undefined) {
      this.#set(["proxy", "no_proxy"], noProxy.split(","), originFor("no_proxy"));
    }
    this.#proxy = {
      http: http ?? this.#proxy.http,
      https: https ?? this.#proxy.https,
      noProxy: noProxy ?? this.#proxy.noProxy,
    };
  }

  #set(key: KeyPath, value: SettingEntry["value"], origin: SettingOrigin): void {
    const name = formatKey(key);
    this.#entries.set(name, { key: name, value, origin });
  }
}

/**
 * Refuses a file that says of a registry that it is blocked, or insecure, and that it is not: the
 * order of its tables should not decide that.  A later file may say otherwise.
 *
 * @param rules those of the file so far; the last one is new.
 */
function assertAgreed(read: TomlFile<unknown>, rules: readonly RegistryRule[]): void {
  const [last] = rules.slice(-1);
  if (last === undefined) return;
  const index = rules.length - 1;
  const first = rules.findIndex(({ prefix }) => prefix === last.prefix);
  for (const key of ["blocked", "insecure"] as const) {
    const is = last[key] ?? false;
    if ((rules[first]?.[key] ?? false) === is) continue;
    const line = read.lineOf(["registry", index]);
    throw new TsmanError(
      "CONFIG_INVALID",
      `read configuration ${read.file}${line === undefined ? "" : `:${line}`}: registry[${index}] says of ${last.prefix} that it is ${is ? "" : "not "}${key}, and registry[${first}] that it is${is ? " not" : ""}`,
      { hint: "leave out one of the two tables" },
    );
  }
}

function originOf(read: TomlFile<unknown>, key: KeyPath): SettingOrigin {
  const line = read.lineOf(key);
  return { kind: "file", file: read.file, ...(line !== undefined && { line }) };
}

/** A time as it is written. */
function written(key: string, value: number): string | number {
  if (!/_timeout$|_wait$/.test(key)) return value;
  return value % 1000 === 0 ? `${value / 1000}s` : `${value}ms`;
}

/** A proxy's URL without the password that it may hold. */
function withoutSecret(url: string): string {
  if (!URL.canParse(url)) return "(not a URL)";
  const parsed = new URL(url);
  if (parsed.password !== "") parsed.password = "***";
  return parsed.href;
}
