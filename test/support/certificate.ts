import {
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";

/** A private key and its certificate, both PEM: what a TLS server takes. */
export interface CertifiedKey {
  readonly key: string;
  readonly cert: string;
}

/** What {@link selfSigned} takes. */
export interface CertificateOptions {
  /** Names and IPv4 addresses that the certificate is good for; the first is its subject. */
  readonly hosts: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const day = 86_400_000;

/**
 * A certificate that nobody has signed but its owner: X.509 version 3, ECDSA on P-256 (RFC 5280,
 * RFC 5758).  It can stand as its own authority.
 */
export function selfSigned(options: CertificateOptions): CertifiedKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const now = Date.now();
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(options.hosts[0] ?? "localhost"),
    sequence(
      time(options.notBefore ?? new Date(now - day)),
      time(options.notAfter ?? new Date(now + day)),
    ),
    nameOf(options.hosts[0] ?? "localhost"),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(3, sequence(basicConstraints, alternativeNames(options.hosts))),
  );
  const certificate = sequence(
    toBeSigned,
    ecdsaWithSha256,
    der(0x03, Buffer.from([0]), signature(toBeSigned, privateKey)),
  );
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: new X509Certificate(certificate).toString(),
  };
}

function signature(bytes: Buffer, key: KeyObject): Buffer {
  return sign("sha256", bytes, { key, dsaEncoding: "der" });
}

/** X.690: tag, length, content. */
function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function sequence(...content: readonly Uint8Array[]): Buffer {
  return der(0x30, ...content);
}

function integer(value: Buffer): Buffer {
  return der(0x02, value);
}

/** An explicit, context-specific tag. */
function tagged(number: number, content: Buffer): Buffer {
  return der(0xa0 + number, content);
}

function objectIdentifier(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

// 1.2.840.10045.4.3.2
const ecdsaWithSha256 = sequence(objectIdentifier("2a8648ce3d040302"));

// 2.5.29.19, critical: CA true, so that it may be trusted as an authority.
const basicConstraints = sequence(
  objectIdentifier("551d13"),
  der(0x01, Buffer.from([0xff])),
  der(0x04, sequence(der(0x01, Buffer.from([0xff])))),
);

/** 2.5.29.17, subjectAltName. */
function alternativeNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 4
      ? der(0x87, Buffer.from(host.split(".").map(Number)))
      : der(0x82, Buffer.from(host, "ascii")),
  );
  return sequence(objectIdentifier("551d11"), der(0x04, sequence(...names)));
}

/** A name with only a commonName (2.5.4.3). */
function nameOf(commonName: string): Buffer {
  const text = der(0x0c, Buffer.from(commonName, "utf8"));
  return sequence(der(0x31, sequence(objectIdentifier("550403"), text)));
}

/** UTCTime, YYMMDDHHMMSSZ; RFC 5280 wants it for years before 2050. */
function time(moment: Date): Buffer {
  const digits = moment.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`, "ascii"));
}
