import { existsSync } from "node:fs";
import path from "node:path";
import type { ContainerOptions } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import type { LogTarget } from "../../runtime/launch-context.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { logFileName } from "./find-container.ts";

/** Where systemd's journal takes messages: sd_journal_print(3), "native protocol". */
const journalSocket = "/run/systemd/journal/socket";

/** What of a container its log depends on. */
export interface LoggedContainer {
  readonly id: string;
  readonly name: string;
  readonly imageName: string;
  readonly imageId: string | undefined;
  readonly options: ContainerOptions;
}

/** The file that holds a container's log; undefined for a driver that keeps none. */
export function containerLogFile(
  context: EngineContext,
  { id, options }: Pick<ContainerRecord, "id" | "options">,
): string | undefined {
  if (options.logDriver !== "k8s-file" && options.logDriver !== "json-file") return undefined;
  return options.logPath ?? path.join(context.store.containers.dir(id), logFileName);
}

/**
 * Where a container's output goes besides its caller.
 *
 * @throws TsmanError PREFLIGHT_HELPER when there is no journal on this host.
 */
export function logTarget(
  context: EngineContext,
  container: LoggedContainer,
): LogTarget | undefined {
  const { options } = container;
  const tag = expandTag(options.logTag ?? "", container);
  switch (options.logDriver) {
    case "none":
      return undefined;
    case "passthrough":
      return { kind: "passthrough" };
    case "journald":
      return {
        kind: "journal",
        socket: existingJournal(container),
        fields: fields(container, tag),
      };
    case "k8s-file":
    case "json-file":
      return {
        kind: "file",
        path: containerLogFile(context, container) as string,
        maxBytes: options.logMaxSize,
        maxFiles: options.logMaxFiles,
        format: options.logDriver,
        tag,
      };
  }
}

function existingJournal({ name }: LoggedContainer): string {
  if (existsSync(journalSocket)) return journalSocket;
  throw new TsmanError(
    "PREFLIGHT_HELPER",
    `log container ${name} to journald: ${journalSocket} is not there`,
    { hint: "start systemd-journald, or use --log-driver k8s-file" },
  );
}

/** The fields that Podman and Docker give, for `journalctl CONTAINER_NAME=…`. */
function fields({ id, name, imageName }: LoggedContainer, tag: string): readonly string[] {
  return [
    `CONTAINER_ID=${id.slice(0, 12)}`,
    `CONTAINER_ID_FULL=${id}`,
    `CONTAINER_NAME=${name}`,
    ...(tag === "" ? [] : [`CONTAINER_TAG=${tag}`]),
    `IMAGE_NAME=${imageName}`,
    `SYSLOG_IDENTIFIER=${tag === "" ? id.slice(0, 12) : tag}`,
  ];
}

/** Docker's words for `--log-opt tag=`; any other stays as written. */
function expandTag(tag: string, { id, name, imageName, imageId }: LoggedContainer): string {
  const imageFullId = imageId ?? "";
  const words: Readonly<Record<string, string>> = {
    ID: id.slice(0, 12),
    FullID: id,
    Name: name,
    ImageName: imageName,
    ImageID: imageFullId.replace("sha256:", "").slice(0, 12),
    ImageFullID: imageFullId,
    DaemonName: "tsman",
  };
  return tag.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (written, word: string) => words[word] ?? written);
}
