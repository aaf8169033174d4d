import { pausingCommand } from "../cli/pausing-command.ts";

/** `tsman unpause` */
export const unpause = pausingCommand({
  name: "unpause",
  summary: "let paused containers go on",
  among: "paused",
  all: "all that are paused",
});
