import { listOciContainers } from "../../engine/oci/container-directory.ts";
import type { OciContext } from "../../engine/oci/oci-types.ts";
import { type TsmanError, toTsmanError } from "../../errors/index.ts";
import { usageError } from "../usage-error.ts";

/** crun's, of `delete` and `kill`. */
export const regexOption = {
  regex: { kind: "flag", char: "r", summary: "ID is a regular expression for several ids" },
} as const;

/**
 * Does something to the container of this id, or to each whose id the expression is found in, as
 * crun's `--regex` means it.  One that fails is told of, and the others have their turn.
 *
 * @throws TsmanError USAGE; what the last one has failed with
 */
export async function forChosen(
  context: OciContext,
  { id, isRegex }: { readonly id: string; readonly isRegex: boolean },
  act: (id: string) => void | Promise<void>,
): Promise<void> {
  if (!isRegex) return await act(id);
  const pattern = compile(id);
  const found = listOciContainers(context).map(({ record }) => record.id);
  const failures: TsmanError[] = [];
  for (const one of found.filter((name) => pattern.test(name))) {
    try {
      await act(one);
    } catch (error) {
      failures.push(toTsmanError(error, one));
    }
  }
  const last = failures.pop();
  for (const { message, hint } of failures) {
    context.onWarning(hint === undefined ? message : `${message} (${hint})`);
  }
  if (last !== undefined) throw last;
}

function compile(text: string): RegExp {
  // A variable that is not set is no wish for all of them.
  if (text === "") throw usageError("use --regex: the expression is empty", "write .* for all");
  try {
    return new RegExp(text);
  } catch {
    throw usageError(`use --regex ${text}: not a regular expression`, "write one, such as ^web-");
  }
}
