/** Certificates for tests: good ones, and bad ones of every kind. */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { X509Certificate } from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};
const DAY = 24 * 3_600_000;
let nextSerialNumber = 16;

/** A certificate and its key as PEM. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** What a test wants in a certificate. */
export interface Request {
  readonly name: string;
  readonly dns?: readonly string[];
  readonly addresses?: readonly string[];
  /** Default: both. */
  readonly usage?: readonly ("server" | "client")[];
  /** Days from now; negative: it has ended. Default 30. */
  readonly days?: number;
  /** Days from now at which it begins; negative: it has begun. Default -10. */
  readonly from?: number;
  readonly rsa?: boolean;
  /** Bits of an RSA key. Default 2048. */
  readonly modulusLength?: number;
}

/** A certificate authority of a test's own. */
export class Authority {
  private constructor(
    readonly pem: string,
    readonly certificate: X509Certificate,
    readonly key: CryptoKey,
    readonly algorithm: typeof ALGORITHM | typeof RSA,
  ) {}

  static async create(name: string, { rsa = false } = {}): Promise<Authority> {
    const algorithm = rsa ? RSA : ALGORITHM;
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - 10 * DAY),
      notAfter: new Date(Date.now() + 365 * DAY),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 1, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new Authority(certificate.toString("pem"), certificate, keys.privateKey, algorithm);
  }

  /** The authority's own key, PKCS#8. */
  async keyPem(): Promise<string> {
    return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", this.key), "PRIVATE KEY");
  }

  async issue(
    { name, dns = [], addresses = [], usage = ["server", "client"], days = 30, from = -10, ...key }: Request,
  ): Promise<Issued> {
    const { rsa = false, modulusLength = 2048 } = key;
    const keys = await crypto.subtle.generateKey(rsa ? { ...RSA, modulusLength } : ALGORITHM, true, ["sign", "verify"]);
    const alternatives: JsonGeneralName[] = [
      ...dns.map((value) => ({ type: "dns" as const, value })),
      ...addresses.map((value) => ({ type: "ip" as const, value })),
    ];
    const usages = usage.map((one) => one === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth);
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: name === "" ? "" : `CN=${name}`,
      issuer: this.certificate.subjectName,
      notBefore: new Date(Date.now() + from * DAY),
      notAfter: new Date(Date.now() + days * DAY),
      signingAlgorithm: this.algorithm,
      publicKey: keys.publicKey,
      signingKey: this.key,
      extensions: [
        new ExtendedKeyUsageExtension(usages),
        ...(alternatives.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternatives)]),
      ],
    });
    const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return { certificate: certificate.toString("pem"), key: PemConverter.encode(pkcs8, "PRIVATE KEY") };
  }
}

function serialNumber(): string {
  return (nextSerialNumber++).toString(16).padStart(4, "0");
}
