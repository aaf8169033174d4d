/** What a setting means. */
export interface SettingGuide {
  /** As in config.toml; `NAME` and `PREFIX` stand for what the user chooses. */
  readonly key: string;
  /** What it may be. */
  readonly takes: string;
  readonly meaning: string;
  /** Lines for config.toml. */
  readonly example: string;
}

const row = (key: string, takes: string, meaning: string, example: string): SettingGuide => ({
  key,
  takes,
  meaning,
  example,
});

const registryExample = (line: string): string => `[[registry]]\nprefix = "docker.io"\n${line}`;

/** Every setting of config.toml, in the order of `tsman config explain`. */
export const settingGuide: readonly SettingGuide[] = [
  row(
    "unqualified-search-registries",
    "a list of registries",
    "Where an image is looked for whose name has no registry, in this order.",
    'unqualified-search-registries = ["docker.io", "quay.io"]',
  ),
  row(
    "short-name-mode",
    '"enforcing", "permissive" or "disabled"',
    'With "enforcing", a name without a registry that several registries might have is refused; otherwise they are asked one after the other.',
    'short-name-mode = "enforcing"',
  ),
  row(
    "aliases.NAME",
    "a full image name without tag",
    "What a name without a registry stands for, before any registry is searched.",
    '[aliases]\n"tools" = "registry.example.com/team/tools"',
  ),
  row(
    "registry.PREFIX.prefix",
    "HOST[:PORT][/PATH], a full name, or *.HOST",
    "Which names the table is for; the longest prefix that fits counts. Missing: its location.",
    registryExample("blocked = true"),
  ),
  row(
    "registry.PREFIX.location",
    "HOST[:PORT][/PATH]",
    "What the prefix is replaced with when the registry is asked; the image keeps its name here.",
    registryExample('location = "registry.example.com/hub"'),
  ),
  row(
    "registry.PREFIX.insecure",
    "true or false",
    "Certificates are not checked, and plain http is allowed.",
    '[[registry]]\nlocation = "registry.lan:5000"\ninsecure = true',
  ),
  row(
    "registry.PREFIX.blocked",
    "true or false",
    "Nothing is pulled from there or pushed to it.",
    registryExample("blocked = true"),
  ),
  row(
    "registry.PREFIX.mirror-by-digest-only",
    "true or false",
    "Mirrors without a pull-from-mirror of their own are asked for digests only.",
    registryExample("mirror-by-digest-only = true"),
  ),
  row(
    "registry.PREFIX.mirror",
    "tables with location, insecure and pull-from-mirror (all, digest-only, tag-only)",
    "Places that are asked before the registry, one after the other; one that fails is passed over.",
    registryExample('[[registry.mirror]]\nlocation = "mirror.gcr.io"'),
  ),
  row(
    "transfer.connections",
    "1 to 64",
    "Connections to one registry at a time.",
    "[transfer]\nconnections = 3",
  ),
  row(
    "transfer.retries",
    "0 to 100",
    "Failures in a row, without progress in between, before a transfer is given up.",
    "[transfer]\nretries = 5",
  ),
  row(
    "transfer.connect_timeout",
    "a duration, 10ms to 1h",
    "How long a registry may take to accept a connection.",
    '[transfer]\nconnect_timeout = "10s"',
  ),
  row(
    "transfer.answer_timeout",
    "a duration, 10ms to 1h",
    "How long a registry may take from a request to its first answer.",
    '[transfer]\nanswer_timeout = "30s"',
  ),
  row(
    "transfer.stall_timeout",
    "a duration, 10ms to 1h",
    "How long a transfer may stand still before it is broken off and resumed.",
    '[transfer]\nstall_timeout = "30s"',
  ),
  row(
    "transfer.min_speed",
    "0 to 1000000000, in bytes a second",
    "What a registry must send, on average over stall_timeout; a transfer that drips is broken off and resumed like one that stalls. 0 allows any speed.",
    "[transfer]\nmin_speed = 1024",
  ),
  row(
    "transfer.longest_wait",
    "a duration, 10ms to 1h",
    "A registry that asks to wait longer than this (Retry-After) is an error instead of a wait.",
    '[transfer]\nlongest_wait = "1m"',
  ),
  row(
    "storage.keep_blobs",
    "true or false",
    "Whether the compressed layers of images stay when they are unpacked; otherwise they are fetched again when they are needed (another id mapping, push, save).",
    "[storage]\nkeep_blobs = false",
  ),
  row(
    "pull.partial",
    "true or false",
    "Whether, of layers with a table of contents (zstd:chunked, eStargz), only those parts are fetched that hold files which no image of the same registry has brought. Such a layer's blob does not stay: it is fetched again when it is needed.",
    "[pull]\npartial = false",
  ),
  row(
    "security.quiet_guards",
    "true or false",
    "Whether run and create say nothing of mounts that give away your home, keys, credentials or the socket of an engine.",
    "[security]\nquiet_guards = true",
  ),
  row(
    "proxy.http",
    "a URL",
    "The proxy for plain http; http_proxy in the environment goes before it.",
    '[proxy]\nhttp = "http://proxy.example.com:3128"',
  ),
  row(
    "proxy.https",
    "a URL",
    "The proxy for https; https_proxy in the environment goes before it.",
    '[proxy]\nhttps = "http://proxy.example.com:3128"',
  ),
  row(
    "proxy.no_proxy",
    "a list of hosts, suffixes (.example.com), addresses and networks (10.0.0.0/8), each with a port if need be",
    "What is reached without a proxy; no_proxy in the environment goes before it.",
    '[proxy]\nno_proxy = [".example.com", "10.0.0.0/8"]',
  ),
];
