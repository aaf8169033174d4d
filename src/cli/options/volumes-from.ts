import type { VolumesFrom } from "../../container/options.ts";
import { invalidValue } from "../usage-error.ts";

const right = "write CONTAINER or CONTAINER:ro, such as database:ro";

/** `--volumes-from CONTAINER[:ro|rw]`; `z` asks for a label, which no kernel without SELinux has. */
export function parseVolumesFrom(text: string, option: string): VolumesFrom {
  const [container = "", words, ...rest] = text.split(":");
  if (rest.length > 0) throw invalidValue(option, text, "more than two parts", right);
  if (container === "") throw invalidValue(option, text, "the container is missing", right);
  let readOnly: boolean | undefined;
  for (const word of words?.split(",") ?? []) {
    if (word === "ro" || word === "rw") {
      if (readOnly !== undefined && readOnly !== (word === "ro")) {
        throw invalidValue(option, text, "both ro and rw", "choose one");
      }
      readOnly = word === "ro";
    } else if (word !== "z") {
      throw invalidValue(option, text, `unknown option "${word}"`, right);
    }
  }
  return { container, ...(readOnly !== undefined && { readOnly }) };
}
