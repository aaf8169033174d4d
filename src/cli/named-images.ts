import { parseImageName } from "./options/words.ts";
import { usageError } from "./usage-error.ts";

/**
 * The images that a verb is about where no `--all` chooses them.
 *
 * @param verb for messages: `remove`
 * @throws TsmanError USAGE for names beside `--all`, and for neither
 */
export function namedImages(
  verb: string,
  positionals: readonly string[],
  { all }: { readonly all: boolean },
): readonly string[] {
  if (all && positionals.length > 0) {
    throw usageError(
      `${verb} images: --all and names exclude each other`,
      "say in one way which images are meant",
    );
  }
  if (!all && positionals.length === 0) {
    throw usageError(`${verb} images: none is named`, "name one, or use --all");
  }
  return positionals.map(parseImageName);
}
