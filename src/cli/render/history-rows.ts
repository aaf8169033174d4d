import type { ImageHistoryStep } from "../../engine/types.ts";
import { goMoment, goTime } from "./container-rows.ts";
import { humanAge, humanSize, shownId } from "./human.ts";
import type { ListingRow } from "./listing.ts";

/** How rows of a history are made. */
export interface HistoryStyle {
  /** Whole ids and commands. */
  readonly isFull: boolean;
  /** Ages and rounded sizes; else moments and bytes. */
  readonly isHuman: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What stands for a step whose image is not there, with Podman and Docker. */
const missing = "<missing>";
const shownCommand = 45;

/** One row per step of an image's making, with Podman's fields. */
export function historyRows(
  steps: readonly ImageHistoryStep[],
  { isFull, isHuman, now }: HistoryStyle,
): readonly ListingRow[] {
  return steps.map((step) => {
    const { createdBy, createdAt, comment, names, size } = step;
    const id = step.id?.replace(/^sha256:/, "");
    const since = createdAt === undefined ? "" : humanAge(createdAt, now);
    return {
      json: {
        id: id ?? missing,
        ...(createdAt !== undefined && { created: goMoment(createdAt) }),
        ...(createdBy !== "" && { CreatedBy: createdBy }),
        ...(names.length > 0 && { tags: names }),
        size,
        ...(comment !== "" && { comment }),
      },
      fields: {
        ID: id === undefined ? missing : shownId(id, isFull),
        Created: isHuman ? since : goMoment(createdAt ?? ""),
        CreatedAt: createdAt === undefined ? "" : goTime(createdAt),
        CreatedSince: since,
        CreatedBy: isFull ? createdBy : shortened(createdBy),
        Size: isHuman ? humanSize(size) : size,
        Comment: comment,
        Tags: names,
      },
    };
  });
}

function shortened(command: string): string {
  return command.length > shownCommand ? `${command.slice(0, shownCommand - 3)}...` : command;
}
