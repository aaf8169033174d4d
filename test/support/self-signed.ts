import { generateKeyPairSync, sign, X509Certificate } from "node:crypto";

/** A key and a certificate for it, both PEM. */
export interface SelfSigned {
  readonly key: string;
  readonly cert: string;
}

/**
 * Makes a self-signed certificate (RFC 5280) for an IP address or host names, valid for a day or,
 * if `isExpired`, until yesterday.
 */
export function selfSigned(
  names: { readonly dns?: readonly string[]; readonly ipv4?: string },
  isExpired = false,
): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const day = 24 * 60 * 60 * 1000;
  const now = Date.now();
  const from = new Date(now - 2 * day);
  const until = new Date(isExpired ? now - day : now + day);
  const algorithm = sequence(oid("2a8648ce3d040302")); // ecdsa-with-SHA256
  const name = sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from("tsman test")))));
  const alternatives = [
    ...(names.dns ?? []).map((each) => der(0x82, Buffer.from(each))),
    ...(names.ipv4 === undefined
      ? []
      : [der(0x87, Buffer.from(names.ipv4.split(".").map(Number)))]),
  ];
  const extensions = sequence(
    // subjectAltName
    sequence(oid("551d11"), der(0x04, sequence(...alternatives))),
    // basicConstraints: an authority, so that it can be trusted as one
    sequence(
      oid("551d13"),
      der(0x01, Buffer.of(0xff)),
      der(0x04, sequence(der(0x01, Buffer.of(0xff)))),
    ),
  );
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(1)),
    algorithm,
    name,
    sequence(time(from), time(until)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, extensions),
  );
  const signature = sign("sha256", body, privateKey);
  const certificate = sequence(
    body,
    algorithm,
    der(0x03, Buffer.concat([Buffer.of(0), signature])),
  );
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: new X509Certificate(certificate).toString(),
  };
}

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : [0x82, Math.floor(length / 0x100), length % 0x100];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

/** GeneralizedTime. */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return der(0x18, Buffer.from(`${digits}Z`));
}
