import type { MountFlag, TmpfsMount } from "../../container/options.ts";
import { invalidValue } from "../usage-error.ts";
import { containerPath } from "./container-path.ts";
import { isMountFlag } from "./mount-flags.ts";
import { octalMode } from "./scalars.ts";
import { parseSize } from "./size.ts";

/** `--tmpfs TARGET[:OPTIONS]`: `/run:size=64m,mode=755,noexec`. */
export function parseTmpfs(text: string, option: string): TmpfsMount {
  const colon = text.indexOf(":");
  const target = containerPath(colon < 0 ? text : text.slice(0, colon), option, text);
  let size: number | undefined;
  let mode: number | undefined;
  let readOnly = false;
  let copyUp = true;
  const flags: MountFlag[] = [];
  for (const word of colon < 0 ? [] : text.slice(colon + 1).split(",")) {
    if (word === "ro" || word === "rw") readOnly = word === "ro";
    else if (word === "tmpcopyup" || word === "notmpcopyup") copyUp = word === "tmpcopyup";
    else if (word.startsWith("size=")) size = parseSize(word.slice(5), `${option} size=`);
    else if (word.startsWith("mode=")) mode = octalMode(word.slice(5), `${option} mode=`);
    else if (isMountFlag(word)) flags.push(word);
    else {
      throw invalidValue(
        option,
        text,
        `unknown option ${JSON.stringify(word)}`,
        "use some of: size=BYTES, mode=OCTAL, ro, rw, exec, noexec, suid, nosuid, dev, nodev, noatime, tmpcopyup, notmpcopyup",
      );
    }
  }
  return {
    type: "tmpfs",
    target,
    ...(size !== undefined && { size }),
    ...(mode !== undefined && { mode }),
    readOnly,
    flags,
    copyUp,
  };
}
