import { X509Certificate } from "node:crypto";

/** The organization in the subject of every CA certificate of this program, by which they are found in a bundle. */
export const OWN_ORGANIZATION = "ipfix-skew-proxy";

/** One certificate of a bundle. */
export interface BundleCertificate {
  /** From `-----BEGIN` to the last dash, without a line break behind. */
  readonly pem: string;
  /** Offset of it in the bundle. */
  readonly start: number;
  readonly certificate: X509Certificate;
}

/** One block of a bundle that begins as a certificate does, whether or not it is one. */
interface Block {
  readonly pem: string;
  readonly start: number;
  /** Undefined if it cannot be read. */
  readonly certificate: X509Certificate | undefined;
}

function* blocks(bundle: string): Generator<Block> {
  for (const { 0: pem, index } of bundle.matchAll(/-----BEGIN CERTIFICATE-----[^-]*(?:-----END CERTIFICATE-----)?/g)) {
    let certificate: X509Certificate | undefined;
    try {
      certificate = pem.endsWith("-----END CERTIFICATE-----") ? new X509Certificate(pem) : undefined;
    } catch {
      // The caller decides whether that is an error.
    }
    yield { pem, start: index, certificate };
  }
}

/**
 * The certificates of a bundle. Text between them is ignored.
 *
 * @throws Error that says which one cannot be read, or is cut off
 */
export function readBundle(bundle: string): BundleCertificate[] {
  return [...blocks(bundle)].map(({ pem, start, certificate }, number) => {
    if (certificate !== undefined) return { pem, start, certificate };
    const cut = pem.endsWith("-----END CERTIFICATE-----") ? "" : ": it is cut off, without its END line";
    throw new Error(`certificate ${number + 1} of the bundle cannot be read${cut}`);
  });
}

/** The readable certificates of a bundle. Everything else is ignored. */
export function readableCertificates(bundle: string): BundleCertificate[] {
  return [...blocks(bundle)].flatMap(({ pem, start, certificate }) =>
    certificate === undefined ? [] : [{ pem, start, certificate }]
  );
}

/** Whether the certificate is a CA of some proxy of this program. */
export function isOwn({ certificate }: BundleCertificate): boolean {
  return certificate.ca && certificate.subject.split("\n").includes(`O=${OWN_ORGANIZATION}`);
}

/** `CN` of a certificate's subject; the whole subject where it has none. */
export function commonName(certificate: X509Certificate): string {
  const name = certificate.subject.split("\n").find((part) => part.startsWith("CN="));
  return name?.slice("CN=".length) ?? certificate.subject;
}

/** Whether both are the same certificate. */
export function sameCertificate(one: X509Certificate, other: X509Certificate): boolean {
  return one.fingerprint256 === other.fingerprint256;
}

/** Appends a certificate, so that {@link withoutCertificates} restores the bundle to the octet. */
export function appendCertificate(bundle: string, pem: string): string {
  const block = pem.trim();
  return bundle === "" || bundle.endsWith("\n") ? `${bundle}${block}\n` : `${bundle}\n${block}`;
}

/** The bundle without the certificates that match. Every other octet stays, unreadable ones included. */
export function withoutCertificates(bundle: string, isUnwanted: (certificate: BundleCertificate) => boolean): string {
  let text = bundle;
  for (const certificate of readableCertificates(bundle).filter(isUnwanted).toReversed()) {
    const { pem, start } = certificate;
    let end = start + pem.length;
    let from = start;
    if (text[end] === "\n") end++;
    else if (end === text.length && text[from - 1] === "\n") from--;
    text = text.slice(0, from) + text.slice(end);
  }
  return text;
}
