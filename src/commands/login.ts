import { givenCredentials } from "../cli/ask-credentials.ts";
import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { warningsTo } from "../cli/render/error.ts";
import { TsmanError } from "../errors/index.ts";

/** `tsman login` */
export const login = defineCommand({
  name: "login",
  usage: "[OPTIONS] [REGISTRY]",
  summary: "show a registry a name and a password, and keep them for later",
  examples: ["tsman login quay.io", "tsman login -u me --password-stdin quay.io < password"],
  options: {
    authfile: text({ metavar: "FILE", summary: "keep them there" }),
    "cert-dir": text({ metavar: "DIR", summary: "certificates of the registry" }),
    "get-login": flag({ summary: "print the name that is kept, and nothing else" }),
    password: text({
      char: "p",
      metavar: "WORD",
      summary: "the password, for every user of this host to read",
    }),
    "password-stdin": flag({ summary: "take the password from standard input" }),
    "tls-verify": flag({ summary: "verify certificates of registries", default: true }),
    username: text({ char: "u", metavar: "NAME", summary: "the user's name" }),
    verbose: flag({ char: "v", summary: "nothing: it says where they are kept anyway" }),
  },
  positionals: { min: 0, max: 1, noun: "registry" },
  async run({ values, positionals, given }, context) {
    const [registry] = positionals;
    const { registries } = await context.openEngine();
    const warn = warningsTo(context.stderr);
    const options = {
      authFile: values.authfile,
      certDir: values["cert-dir"],
      tlsVerify: given.has("tls-verify") ? values["tls-verify"] : undefined,
    };
    if (values["get-login"]) {
      const name = await registries.findLogin(registry, options);
      if (name === undefined) throw notLoggedIn(registry);
      context.stdout.write(`${name}\n`);
      return 0;
    }
    const isAsked = values["password-stdin"] || values.password !== undefined;
    if (!isAsked && values.username === undefined) {
      const name = await registries.checkLogin(registry, options);
      if (name !== undefined) {
        context.stdout.write("Existing credentials are valid. Already logged in.\n");
        return 0;
      }
    }
    const credentials = givenCredentials(values, context, warn);
    const made = await registries.logIn(registry, credentials, {
      ...options,
      signal: context.interruption(),
    });
    const where = made.helper ?? made.file;
    if (!made.isChecked) warn(`${made.registry} did not ask for them: nobody checked`);
    context.stdout.write("Login Succeeded!\n");
    context.stderr.write(`Credentials for ${made.registry} are kept in ${where}\n`);
    return 0;
  },
});

function notLoggedIn(registry: string | undefined): TsmanError {
  const name = registry ?? "the default registry";
  return new TsmanError("REGISTRY_AUTH", `find a login for ${name}: there is none`, {
    hint: `log in with: tsman login ${registry ?? ""}`.trimEnd(),
  });
}
