import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import type { Database } from "./database.ts";

/** What happened to a container: Podman's words. */
export type ContainerEventStatus =
  | "attach"
  | "cleanup"
  | "commit"
  | "create"
  | "died"
  | "exec"
  | "exec_died"
  | "export"
  | "health_status"
  | "init"
  | "kill"
  | "mount"
  | "oom"
  | "pause"
  | "prune"
  | "remove"
  | "rename"
  | "restart"
  | "start"
  | "stop"
  | "sync"
  | "unmount"
  | "unpause"
  | "update";

/** What happened to an image. */
export type ImageEventStatus =
  | "import"
  | "loadfromarchive"
  | "prune"
  | "pull"
  | "push"
  | "remove"
  | "save"
  | "tag"
  | "untag";

/** What happened to a volume. */
export type VolumeEventStatus = "create" | "prune" | "remove";

interface EventSubject {
  /** Id of the container or image; missing where there is none. */
  readonly id?: string | undefined;
  /** Name of the container, image or volume. */
  readonly name: string;
  /** Of a container: the full name of its image. */
  readonly image?: string | undefined;
  /** Labels of the container, and what belongs to the status. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** Of died and exec_died: the exit code; of health_status: the health. */
  readonly outcome?: string | undefined;
}

/** Something that happened, as {@link EventFile.emit} takes it. */
export type EmittedEvent = EventSubject &
  (
    | { readonly type: "container"; readonly status: ContainerEventStatus }
    | { readonly type: "image"; readonly status: ImageEventStatus }
    | { readonly type: "volume"; readonly status: VolumeEventStatus }
  );

/** Bytes at which the file becomes the old one: some 15 000 events. */
const rotationSize = 4 * 1024 * 1024;

/**
 * What happened in a store: `ROOT/events`, a JSON document per line, the older part in `events.1`.
 * Whoever does something writes it down, in one write(2) at the end of the file (O_APPEND), so that
 * lines of several processes never mix; the monitors of containers do the same (native/event.c).
 */
export class EventFile {
  readonly path: string;
  readonly #database: Database;
  readonly #rotationSize: number;

  /** @param limit bytes at which the file is rotated. */
  constructor(database: Database, root: string, limit = rotationSize) {
    this.path = path.join(root, "events");
    this.#database = database;
    this.#rotationSize = limit;
  }

  /** The older part; may be missing. */
  get oldPath(): string {
    return `${this.path}.1`;
  }

  /**
   * Writes down what has happened, several things in one go.  It has happened whether or not that
   * can be written (a full disk, a read-only store), so this never fails.
   */
  emit(...events: readonly EmittedEvent[]): void {
    const time = momentText(Date.now());
    const text = events.map((event) => eventLine(event, time)).join("");
    try {
      const flags =
        constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
      const fd = openSync(this.path, flags, 0o600);
      try {
        writeSync(fd, text);
        if (fstatSync(fd).size < this.#rotationSize) return;
      } finally {
        closeSync(fd);
      }
      this.#rotate();
    } catch {
      // See above.
    }
  }

  /** One process at a time, and only if no other has done it since. */
  #rotate(): void {
    this.#database.transaction(() => {
      if (statSync(this.path).size >= this.#rotationSize) renameSync(this.path, this.oldPath);
    });
  }
}

function eventLine(event: EmittedEvent, time: string): string {
  return `${JSON.stringify({ time, ...event })}\n`;
}

/**
 * The line for a monitor to write (TSMAN_SET_EVENT in native/protocol.h).  It fills in the first of
 * each placeholder, so these stand before all text of users.
 */
export function monitorEventLine(event: EmittedEvent): string {
  return `${JSON.stringify({ time: "{time}", outcome: "{status}", ...event })}\n`;
}

/** Milliseconds since 1970 as seconds with nine decimals, as a monitor writes them too. */
export function momentText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return `${seconds}.${String(milliseconds - seconds * 1000).padStart(3, "0")}000000`;
}
