import type { RegistryAccess } from "../engine/transfer-types.ts";
import { TsmanError } from "../errors/index.ts";
import { parseWritten } from "../oci/reference.ts";
import type { Engine } from "./engine.ts";
import { usageError } from "./usage-error.ts";

/** More tags are nobody's wish to pull; a registry may say that it has any number. */
const mostTags = 10_000;

/**
 * Every tag that registries have of these repositories, as full names.
 *
 * @throws TsmanError USAGE for a name with a tag or digest, and for more tags than are pulled at once;
 *   REGISTRY_NOT_FOUND for a repository without tags
 */
export async function allTags(
  engine: Engine,
  repositories: readonly string[],
  options: RegistryAccess & { readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const repository of repositories) {
    assertWithoutTag(repository);
    const { name, tags } = await engine.images.listTags(repository, {
      ...options,
      limit: mostTags + 1,
    });
    if (tags.length > mostTags) {
      throw usageError(
        `pull all tags of ${name}: it has more than ${mostTags}`,
        "name some of them",
      );
    }
    if (tags.length === 0) {
      throw new TsmanError("REGISTRY_NOT_FOUND", `pull all tags of ${name}: it has none`, {
        hint: `what it has without a tag is pulled by digest: ${name}@sha256:…`,
      });
    }
    found.push(...tags.map((tag) => `${name}:${tag}`));
  }
  return found;
}

function assertWithoutTag(text: string): void {
  const { tag, digest } = parseWritten(text);
  if (tag === undefined && digest === undefined) return;
  throw usageError(`pull all tags of ${text}: that is one of them already`, "leave out the tag");
}
