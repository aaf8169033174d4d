import { flag, text, value } from "../option-spec.ts";
import { parseCredentials } from "./words.ts";

/** How a registry is reached. */
export const registryOptions = {
  authfile: text({ metavar: "FILE", summary: "credentials of registries" }),
  "cert-dir": text({ metavar: "DIR", summary: "certificates of the registry" }),
  creds: value({
    metavar: "USER:PASSWORD",
    summary: "credentials of the registry; see tsman login",
    parse: parseCredentials,
  }),
  "tls-verify": flag({ summary: "verify certificates of registries", default: true }),
} as const;

/** What the options say, as the engine takes it. */
export function registryAccess(
  values: {
    readonly authfile: string | undefined;
    readonly "cert-dir": string | undefined;
    readonly creds: ReturnType<typeof parseCredentials> | undefined;
    readonly "tls-verify": boolean;
  },
  given: ReadonlySet<string>,
) {
  return {
    authFile: values.authfile,
    certDir: values["cert-dir"],
    credentials: values.creds,
    tlsVerify: given.has("tls-verify") ? values["tls-verify"] : undefined,
  };
}
