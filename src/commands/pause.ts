import { pausingCommand } from "../cli/pausing-command.ts";

/** `tsman pause` */
export const pause = pausingCommand({
  name: "pause",
  summary: "stop every process of containers until unpause",
  among: "running",
  all: "all that run",
});
