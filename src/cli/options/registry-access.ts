import { flag, text, value } from "../option-spec.ts";
import { integer } from "./scalars.ts";
import { parseCredentials } from "./words.ts";

/** How often a request is made again. */
export const retryOption = value({
  metavar: "NUMBER",
  summary: "how often a request that fails is made again (5)",
  parse: integer(0, 100),
});

/** How a registry is reached. */
export const registryOptions = {
  authfile: text({ metavar: "FILE", summary: "credentials of registries" }),
  "cert-dir": text({ metavar: "DIR", summary: "certificates of the registry" }),
  creds: value({
    metavar: "USER:PASSWORD",
    summary: "credentials of the registry; see tsman login",
    parse: parseCredentials,
  }),
  retry: retryOption,
  "retry-delay": {
    kind: "unsupported",
    takesValue: true,
    reason: "the wait doubles from one time to the next, and is as long as the registry wants",
    hint: "leave it out; transfer.longest_wait in config.toml bounds what a registry may want",
  },
  "tls-verify": flag({ summary: "verify certificates of registries", default: true }),
} as const;

/** What the options say, as the engine takes it. */
export function registryAccess(
  values: {
    readonly authfile: string | undefined;
    readonly "cert-dir": string | undefined;
    readonly creds: ReturnType<typeof parseCredentials> | undefined;
    readonly retry: number | undefined;
    readonly "tls-verify": boolean;
  },
  given: ReadonlySet<string>,
) {
  return {
    authFile: values.authfile,
    certDir: values["cert-dir"],
    credentials: values.creds,
    retries: values.retry,
    tlsVerify: given.has("tls-verify") ? values["tls-verify"] : undefined,
  };
}
