import { flag, value } from "../option-spec.ts";
import { integer, oneOf } from "./scalars.ts";

const compressions = { gzip: "gzip", zstd: "zstd", none: "none", uncompressed: "none" } as const;
const formats = { oci: "oci", v2s2: "docker", docker: "docker" } as const;

/** How what is pushed is packed and written. */
export const packingOptions = {
  "compression-format": value({
    metavar: "gzip|zstd|none",
    summary: "how layers are packed (as they are)",
    parse: oneOf("gzip", "zstd", "none", "uncompressed"),
  }),
  "compression-level": value({
    metavar: "NUMBER",
    summary: "how hard: gzip 1 to 9, zstd 1 to 22; packs all layers anew",
    parse: integer(1, 22),
  }),
  "force-compression": flag({ summary: "pack all layers anew, however they are packed" }),
  format: value({
    char: "f",
    metavar: "oci|v2s2",
    summary: "of the documents (as they are)",
    parse: oneOf("oci", "v2s2", "docker"),
  }),
} as const;

/** What the options say, as the engine takes it. */
export function packing(values: {
  readonly "compression-format": keyof typeof compressions | undefined;
  readonly "compression-level": number | undefined;
  readonly "force-compression": boolean;
  readonly format: keyof typeof formats | undefined;
}) {
  const { "compression-format": compression, format } = values;
  return {
    compression: compression && compressions[compression],
    compressionLevel: values["compression-level"],
    forceCompression: values["force-compression"],
    format: format && formats[format],
  };
}

/** Options of Podman's that concern signatures made while pushing. */
export const refusedSigning = Object.fromEntries(
  ["sign-by", "sign-by-sigstore-private-key", "sign-by-sigstore", "sign-passphrase-file"].map(
    (name) => [
      name,
      {
        kind: "unsupported",
        takesValue: true,
        reason: "nothing is signed while it is pushed",
        hint: "sign what was pushed, by the digest that --digestfile has: cosign sign NAME@DIGEST",
      } as const,
    ],
  ),
);
