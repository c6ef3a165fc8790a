import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { createPrivateKey } from "node:crypto";
import { OWN_ORGANIZATION } from "./certificate_bundle.ts";

const OWN_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Certificates are dated back by this much, because the peer's clock may be behind. */
const BACKDATED = HOUR;
const OWN_AUTHORITY_DAYS = 3650;
const SERVER_CERTIFICATE_DAYS = 30;
/** Remaining validity below which a certificate is renewed. */
const RENEW_DAYS = 10;

/** The last moment that a Date can be, in milliseconds. */
const NEVER = 8.64e15;

/** A certificate and its key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  /** PKCS#8. */
  readonly key: string;
}

/** A certificate that this process made, and when it should make the next one. */
export interface IssuedCertificate extends KeyPair {
  readonly renewAt: Date;
}

/** A certificate authority that can sign: the proxy's own, or the Aggregator's. */
export class CertificateAuthority {
  readonly #certificate: X509Certificate;
  readonly #key: CryptoKey;

  private constructor(
    /** Certificate and key as PEM. */
    readonly pair: KeyPair,
    certificate: X509Certificate,
    key: CryptoKey,
  ) {
    this.#certificate = certificate;
    this.#key = key;
  }

  /**
   * A new authority of the proxy's own. Its key is only in memory unless the caller stores it.
   *
   * @param name distinguishes this proxy's authority from those of others
   */
  static async create(name: string, now: Date): Promise<CertificateAuthority> {
    const keys = await crypto.subtle.generateKey(OWN_ALGORITHM, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: [{ O: [OWN_ORGANIZATION] }, { CN: [name] }],
      notBefore: new Date(now.getTime() - BACKDATED),
      notAfter: new Date(now.getTime() + OWN_AUTHORITY_DAYS * DAY),
      signingAlgorithm: OWN_ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      ],
    });
    const pair = { certificate: `${certificate.toString("pem")}\n`, key: await privateKeyPem(keys.privateKey) };
    return new CertificateAuthority(pair, certificate, keys.privateKey);
  }

  /**
   * An authority from its certificate and key, RSA (PKCS#1 or PKCS#8) or ECDSA, as PEM.
   *
   * @throws Error that says what is wrong with them
   */
  static async load({ certificate: pem, key }: KeyPair): Promise<CertificateAuthority> {
    const certificate = new X509Certificate(pem);
    if (certificate.getExtension(BasicConstraintsExtension)?.ca !== true) {
      throw new Error(`the certificate of ${certificate.subject} is no CA's`);
    }
    const privateKey = createPrivateKey(key);
    const algorithm = signatureAlgorithm(privateKey.asymmetricKeyType, privateKey.asymmetricKeyDetails?.namedCurve);
    const octets = new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
    const signing = await crypto.subtle.importKey("pkcs8", octets, algorithm, true, ["sign"]);
    return new CertificateAuthority({ certificate: pem, key }, certificate, signing);
  }

  /**
   * A server certificate for this DNS name, valid from an hour ago for thirty days, or for as long as the authority is.
   */
  async issueServerCertificate(name: string, now: Date): Promise<IssuedCertificate> {
    const keys = await crypto.subtle.generateKey(OWN_ALGORITHM, true, ["sign", "verify"]);
    const authorityEnds = this.#certificate.notAfter.getTime();
    const lasts = Math.min(now.getTime() + SERVER_CERTIFICATE_DAYS * DAY, authorityEnds);
    const certificate = await X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [name] }],
      issuer: this.#certificate.subjectName,
      notBefore: new Date(now.getTime() - BACKDATED),
      notAfter: new Date(lasts),
      // The hash of the algorithm, and its name, are the key's own.
      signingAlgorithm: { ...this.#key.algorithm, hash: "SHA-256" },
      publicKey: keys.publicKey,
      signingKey: this.#key,
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
      ],
    });
    return {
      certificate: `${certificate.toString("pem")}\n`,
      key: await privateKeyPem(keys.privateKey),
      // Renewal would gain nothing if the authority expires first.
      renewAt: new Date(lasts === authorityEnds ? NEVER : lasts - RENEW_DAYS * DAY),
    };
  }
}

function signatureAlgorithm(type: string | undefined, curve: string | undefined) {
  if (type === "rsa") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const named = { prime256v1: "P-256", "P-256": "P-256", secp384r1: "P-384", "P-384": "P-384" }[curve ?? ""];
  if (type === "ec" && named !== undefined) return { name: "ECDSA", namedCurve: named, hash: "SHA-256" };
  throw new Error(`a CA key of type ${type} is not supported (RSA, ECDSA with P-256 or P-384)`);
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

/** Positive and random: RFC 5280, 4.1.2.2. */
function serialNumber(): string {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  octets[0] = (octets[0] ?? 0) & 0x7f | 0x40;
  return octets.toHex();
}
