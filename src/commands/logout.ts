import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { usageError } from "../cli/usage-error.ts";
import { TsmanError } from "../errors/index.ts";

/** `tsman logout` */
export const logout = defineCommand({
  name: "logout",
  usage: "[OPTIONS] [REGISTRY]",
  summary: "forget the name and the password for a registry",
  examples: ["tsman logout quay.io", "tsman logout --all"],
  options: {
    all: flag({ char: "a", summary: "for all registries" }),
    authfile: text({ metavar: "FILE", summary: "where they are kept" }),
  },
  positionals: { min: 0, max: 1, noun: "registry" },
  async run({ values, positionals }, context) {
    const [registry] = positionals;
    const { registries } = await context.openEngine();
    const options = { authFile: values.authfile };
    if (values.all) {
      if (registry !== undefined) {
        throw usageError("log out: --all is for all registries", `leave out ${registry}, or --all`);
      }
      await registries.logOutEverywhere(options);
      context.stdout.write("Removed login credentials for all registries\n");
      return 0;
    }
    const done = await registries.logOut(registry, options);
    const others =
      "other credentials still count: of the registry as a whole, or of Podman or Docker; log out there too";
    if (!done.wasLoggedIn) {
      throw new TsmanError("REGISTRY_AUTH", `log out of ${done.registry}: not logged in`, {
        hint: done.hasOthers ? others : "see what there is: tsman login --get-login REGISTRY",
      });
    }
    context.stdout.write(`Removed login credentials for ${done.registry}\n`);
    if (done.hasOthers) context.stderr.write(`For ${done.registry}, ${others}\n`);
    return 0;
  },
});
