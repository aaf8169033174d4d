import { flag, list, type OptionValues, text, texts, value } from "../option-spec.ts";
import { parseDetachKeys } from "./detach-keys.ts";
import { parseDevice } from "./device.ts";
import { healthSpecs } from "./health-specs.ts";
import { parseEnvironmentMerge } from "./host-environment.ts";
import { parseKeyValue, parseSysctl } from "./key-value.ts";
import { cgroupSpecs, limitSpecs } from "./limit-specs.ts";
import { parseLogDriver } from "./log.ts";
import {
  parseAddHost,
  parseDnsServer,
  parseHostname,
  parseResolverWord,
} from "./names-and-addresses.ts";
import { parseNamespace } from "./namespaces.ts";
import { parseNetwork } from "./network.ts";
import { platformOptions } from "./platform.ts";
import { preserveFds } from "./preserved-descriptors.ts";
import { parseExpose, parsePublish } from "./publish.ts";
import { parseRestart } from "./restart.ts";
import { integer, octalMode, oneOf } from "./scalars.ts";
import { parseSize } from "./size.ts";
import { parseTmpfs } from "./tmpfs.ts";
import { parseUlimit } from "./ulimit.ts";
import { parseIdMap, parseUserns } from "./userns.ts";
import { parseVolumesFrom } from "./volumes-from.ts";
import {
  parseAccountEntry,
  parseContainerNames,
  parseCredentials,
  parseDirectories,
  parseEntrypoint,
  parseHostUser,
  parsePullPolicy,
  parseSignalText,
  parseTimeZone,
  parseWorkdir,
} from "./words.ts";

const seconds = integer(0, 2_147_483, "a number of seconds");

const parseStream = oneOf("stdin", "stdout", "stderr");

/**
 * What `tsman run` takes.  Values that depend on the caller (its environment, its directory) stay
 * text here; `containerOptions` reads them.
 */
export const runOptions = {
  "add-host": list({
    metavar: "NAME:IP",
    summary: "add a line to /etc/hosts",
    parse: parseAddHost,
  }),
  annotation: list({
    metavar: "KEY=VALUE",
    summary: "add an OCI annotation",
    parse: parseKeyValue,
  }),
  authfile: text({ metavar: "FILE", summary: "credentials of registries" }),
  attach: list({
    char: "a",
    metavar: "STREAM",
    summary: "connect only these: stdin, stdout, stderr",
    parse: (text, option) => parseStream(text.toLowerCase(), option),
  }),
  "cap-add": texts({ metavar: "CAPABILITY", summary: "add a capability, or ALL" }),
  "cap-drop": texts({ metavar: "CAPABILITY", summary: "drop a capability, or ALL" }),
  "cert-dir": text({ metavar: "DIR", summary: "certificates of the registry" }),
  chrootdirs: list({
    metavar: "DIR[,DIR…]",
    summary: "mount /etc/hosts and its like into these directories too",
    parse: parseDirectories,
  }),
  cidfile: text({ metavar: "FILE", summary: "write the container's id there" }),
  "conmon-pidfile": text({ metavar: "FILE", summary: "write the pid of its monitor there" }),
  creds: value({
    metavar: "USER:PASSWORD",
    summary: "credentials of the registry",
    parse: parseCredentials,
  }),
  detach: flag({ char: "d", summary: "run in the background and print the id" }),
  "detach-keys": value({
    metavar: "KEYS",
    summary: "keys that leave a terminal (ctrl-p,ctrl-q)",
    parse: parseDetachKeys,
  }),
  device: list({
    metavar: "HOST[:CONTAINER[:rwm]]",
    summary: "give a device of the host",
    parse: parseDevice,
  }),
  "disable-userns": flag({ summary: "let nobody make user namespaces in the container" }),
  dns: list({ metavar: "IP|none", summary: "name server", parse: parseDnsServer }),
  "dns-option": list({
    metavar: "OPTION",
    summary: "option of resolv.conf",
    aliases: ["dns-opt"],
    parse: parseResolverWord,
  }),
  "dns-search": list({ metavar: "DOMAIN", summary: "search domain", parse: parseResolverWord }),
  entrypoint: value({
    metavar: "COMMAND",
    summary: "replace the image's ENTRYPOINT",
    parse: parseEntrypoint,
  }),
  env: texts({ char: "e", metavar: "NAME[=VALUE]", summary: "set a variable, or pass on yours" }),
  "env-host": flag({ summary: "pass all your variables on; those of the image prevail" }),
  "env-merge": list({
    metavar: "NAME=TEMPLATE",
    summary: "change a variable of the image; $NAME is its value",
    parse: parseEnvironmentMerge,
  }),
  "env-file": texts({ metavar: "FILE", summary: "read variables from a file" }),
  explain: value({
    metavar: "text|json",
    summary: "print what would be done, and why, instead",
    bare: "text",
    parse: oneOf("text", "json"),
  }),
  expose: list({ metavar: "PORT[/udp]", summary: "a port for --publish-all", parse: parseExpose }),
  gidmap: list({
    metavar: "ID:FROM[:COUNT]",
    summary: "map these group ids (as --uidmap)",
    parse: parseIdMap,
  }),
  "group-entry": value({
    metavar: "LINE",
    summary: "what /etc/group gets: $GROUPNAME, $GID, $USERLIST",
    parse: parseAccountEntry,
  }),
  "group-add": texts({ metavar: "GROUP", summary: "additional group, or keep-groups" }),
  ...healthSpecs,
  ...limitSpecs,
  ...cgroupSpecs,
  hostuser: list({
    metavar: "NAME|UID",
    summary: "a user of the host that /etc/passwd gets",
    parse: parseHostUser,
  }),
  hostname: value({ char: "h", metavar: "NAME", summary: "the host name", parse: parseHostname }),
  "http-proxy": flag({ summary: "pass http_proxy, https_proxy, ftp_proxy and no_proxy on" }),
  "image-volume": value({
    metavar: "MODE",
    summary: "what an image's VOLUMEs become: anonymous (volumes), tmpfs, ignore",
    parse: oneOf("anonymous", "bind", "tmpfs", "ignore"),
  }),
  init: flag({ summary: "run a small init that reaps and forwards signals" }),
  interactive: flag({ char: "i", summary: "keep standard input open" }),
  ipc: value({
    metavar: "MODE",
    summary: "IPC namespace: private, host, container:NAME",
    parse: parseNamespace,
  }),
  label: list({ char: "l", metavar: "KEY=VALUE", summary: "set a label", parse: parseKeyValue }),
  "label-file": texts({ metavar: "FILE", summary: "read labels from a file" }),
  "log-driver": value({
    metavar: "DRIVER",
    summary: "k8s-file, json-file, journald, passthrough, none",
    parse: parseLogDriver,
  }),
  "log-opt": texts({ metavar: "KEY=VALUE", summary: "max-size, max-file, path or tag of the log" }),
  mount: texts({ metavar: "type=TYPE,…", summary: "mount a bind, tmpfs or volume" }),
  name: text({ metavar: "NAME", summary: "the container's name" }),
  network: list({
    metavar: "MODE",
    summary: "slirp4netns[:OPTIONS], none, host, container:NAME",
    aliases: ["net"],
    parse: parseNetwork,
  }),
  "no-hosts": flag({ summary: "leave /etc/hosts to the image" }),
  "oom-score-adj": value({
    metavar: "N",
    summary: "badness for the OOM killer",
    parse: integer(-1000, 1000),
  }),
  passwd: flag({ summary: "a line in /etc/passwd for a user without one", default: true }),
  "passwd-entry": value({
    metavar: "LINE",
    summary: "that line: $USERNAME, $UID, $GID, $NAME, $HOME",
    parse: parseAccountEntry,
  }),
  personality: value({
    metavar: "DOMAIN",
    summary: "execution domain: LINUX, LINUX32",
    parse: oneOf("LINUX", "LINUX32"),
  }),
  pid: value({
    metavar: "MODE",
    summary: "PID namespace: private, host, container:NAME",
    parse: parseNamespace,
  }),
  pidfile: text({ metavar: "FILE", summary: "write the pid of the container's init there" }),
  ...platformOptions,
  "preserve-fds": preserveFds,
  privileged: flag({
    summary: "all capabilities, devices and system calls that you have yourself",
  }),
  "lock-file": text({ metavar: "FILE", summary: "with --locked: instead of tsman.lock" }),
  locked: flag({ summary: "run only the very image that tsman.lock names" }),
  publish: list({
    char: "p",
    metavar: "[[IP:]HOST:]PORT[/udp]",
    summary: "publish a port on the host",
    parse: parsePublish,
  }),
  "publish-all": flag({ char: "P", summary: "publish all exposed ports on free ports" }),
  pull: value({
    metavar: "POLICY",
    summary: "always, missing, never, newer",
    parse: parsePullPolicy,
  }),
  quiet: flag({ char: "q", summary: "no progress of a pull" }),
  "read-only": flag({ summary: "make the root file system read-only" }),
  "read-only-tmpfs": flag({
    summary: "with --read-only, tmpfs on /run, /tmp and /var/tmp",
    default: true,
  }),
  "quiet-guards": flag({ summary: "do not warn of mounts that give away keys or your home" }),
  requires: list({
    metavar: "CONTAINER[,CONTAINER…]",
    summary: "containers that are started before it",
    parse: parseContainerNames,
  }),
  replace: flag({ summary: "replace a container of the same name" }),
  restart: value({
    metavar: "POLICY",
    summary: "no, on-failure[:TIMES], always, unless-stopped",
    parse: parseRestart,
  }),
  rm: flag({ summary: "remove the container when it ends" }),
  rmi: flag({ summary: "as --rm, and the image goes too if no other container is of it" }),
  rootfs: flag({ summary: "the image is a directory: PATH[:O]" }),
  "seccomp-policy": value({
    metavar: "POLICY",
    summary: "default, or image: the filter that a label of the image holds",
    parse: oneOf("default", "image"),
  }),
  "security-opt": texts({
    metavar: "OPTION",
    summary: "seccomp=…, no-new-privileges, mask=…, unmask=…",
  }),
  "shm-size": value({ metavar: "SIZE", summary: "size of /dev/shm", parse: parseSize }),
  "sig-proxy": flag({ summary: "pass signals on to the container", default: true }),
  "stop-signal": value({
    metavar: "SIGNAL",
    summary: "what stop sends",
    parse: parseSignalText,
  }),
  "stop-timeout": value({
    metavar: "SECONDS",
    summary: "how long stop waits before SIGKILL",
    parse: seconds,
  }),
  subgidname: text({ metavar: "NAME", summary: "the id mapping of a name in /etc/subgid" }),
  subuidname: text({ metavar: "NAME", summary: "the id mapping of a name in /etc/subuid" }),
  sysctl: list({ metavar: "KEY=VALUE", summary: "set a namespaced sysctl", parse: parseSysctl }),
  timeout: value({ metavar: "SECONDS", summary: "longest life of the container", parse: seconds }),
  "tls-verify": flag({ summary: "verify certificates of registries", default: true }),
  tmpfs: list({ metavar: "TARGET[:OPTIONS]", summary: "mount a tmpfs", parse: parseTmpfs }),
  tty: flag({ char: "t", summary: "give the program a terminal" }),
  tz: value({ metavar: "ZONE", summary: "time zone, or local", parse: parseTimeZone }),
  ulimit: list({
    metavar: "NAME=SOFT[:HARD]",
    summary: "set a resource limit",
    parse: parseUlimit,
  }),
  uidmap: list({
    metavar: "ID:FROM[:COUNT]",
    summary: "map these user ids; from 0, which is you, 1 …, your subordinate ids, or @ID",
    parse: parseIdMap,
  }),
  umask: value({ metavar: "OCTAL", summary: "the umask (0022)", parse: octalMode }),
  unsetenv: texts({ metavar: "NAME", summary: "take a variable of the image away" }),
  "unsetenv-all": flag({ summary: "take all variables of the image away" }),
  user: text({ char: "u", metavar: "USER[:GROUP]", summary: "run as this user" }),
  userns: value({
    metavar: "MODE",
    summary: "id mapping: host, keep-id[:uid=,gid=], auto[:size=], nomap",
    parse: parseUserns,
  }),
  uts: value({
    metavar: "MODE",
    summary: "UTS namespace: private, host, container:NAME",
    parse: parseNamespace,
  }),
  volume: texts({
    char: "v",
    metavar: "[SOURCE:]TARGET[:OPTIONS]",
    summary: "mount a directory or volume",
  }),
  "volumes-from": list({
    metavar: "CONTAINER[:ro]",
    summary: "mount what another container has mounted",
    parse: parseVolumesFrom,
  }),
  workdir: value({ char: "w", metavar: "DIR", summary: "working directory", parse: parseWorkdir }),
} as const;

/** The parsed values of {@link runOptions}. */
export type RunValues = OptionValues<typeof runOptions>;
