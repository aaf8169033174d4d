import { defineCommand } from "../cli/command.ts";
import { flag, text, texts, value } from "../cli/option-spec.ts";
import { integer } from "../cli/options/scalars.ts";
import { parseCredentials } from "../cli/options/words.ts";
import { warningText } from "../cli/render/error.ts";
import { isJsonFormat, printDocument, printListing } from "../cli/render/listing.ts";
import { searchColumns, searchFilter, searchRows, tagRows } from "../cli/render/search-rows.ts";

/** `tsman search` */
export const search = defineCommand({
  name: "search",
  usage: "[OPTIONS] [REGISTRY/]TERM",
  summary: "find images in registries",
  examples: ["tsman search --limit 5 alpine", "tsman search --list-tags quay.io/podman/hello"],
  options: {
    authfile: text({ metavar: "FILE", summary: "credentials of registries" }),
    "cert-dir": text({ metavar: "DIR", summary: "certificates for the registry" }),
    compatible: flag({ summary: "with columns of stars, official and automated" }),
    creds: value({
      metavar: "USER:PASSWORD",
      summary: "credentials of the registry",
      parse: parseCredentials,
    }),
    filter: texts({ char: "f", metavar: "KEY=VALUE", summary: "stars, is-official, is-automated" }),
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    limit: value({ metavar: "N", summary: "at most so many (25)", parse: integer(0, 10_000) }),
    "list-tags": flag({ summary: "the tags of a repository" }),
    "no-trunc": flag({ summary: "whole descriptions" }),
    "tls-verify": flag({ summary: "verify certificates of registries", default: true }),
  },
  positionals: { min: 1, max: 1, noun: "term" },
  async run({ values, positionals, given }, context) {
    const { stdout, stderr } = context;
    const [term = ""] = positionals;
    const accepts = searchFilter(values.filter);
    const options = {
      // 0 is as good as nothing, as with Podman and Docker.
      limit: values.limit === 0 ? undefined : values.limit,
      authFile: values.authfile,
      certDir: values["cert-dir"],
      credentials: values.creds,
      tlsVerify: given.has("tls-verify") ? values["tls-verify"] : undefined,
      signal: context.interruption(),
      onWarning: (message: string) => stderr.write(warningText(message, stderr.isTerminal)),
    };
    const style = { format: values.format, quietField: undefined, noHeading: false };
    const engine = await context.openEngine();
    if (values["list-tags"]) {
      const list = await engine.images.listTags(term, options);
      if (isJsonFormat(values.format)) {
        await printDocument([{ Name: list.name, Tags: list.tags }], "json", stdout);
      } else {
        const columns = [["NAME", "Name"] as const, ["TAG", "Tag"] as const];
        await printListing(tagRows(list), { ...style, columns }, stdout);
      }
      return 0;
    }
    const found = (await engine.images.search(term, options)).filter(accepts);
    const columns = searchColumns(values.compatible);
    await printListing(
      searchRows(found, { isFull: values["no-trunc"] }),
      { ...style, columns },
      stdout,
    );
    return 0;
  },
});
