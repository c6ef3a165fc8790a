import { createPrivateKey, type KeyObject } from "node:crypto";
import { createSecureContext } from "node:tls";
import { errorMessage } from "../error_message.ts";
import { type CertificateDetails, detailsOf, parseCertificates } from "./certificate_details.ts";

/** The certificate, key and trusted CA certificates of one side of TLS, as PEM, checked. */
export interface TlsMaterial {
  /** The certificate, followed by intermediate ones. Optional for dialling. */
  readonly certificate?: string;
  /** PKCS#8. */
  readonly key?: string;
  /**
   * CA certificates that the peer's must be issued by. Without them a collector is verified by the system's, exporters
   * not at all.
   */
  readonly ca?: string;
  /** The chain, the own certificate first, and the CA certificates. */
  readonly certificates: readonly CertificateDetails[];
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate?: string;
  /** PKCS#1, PKCS#8 or SEC 1, not encrypted. */
  readonly key?: string;
  readonly ca?: string;
}

/**
 * Checks that the certificate, its key and the CA certificates can be parsed, that the key belongs to the certificate,
 * and that TLS accepts it.
 *
 * @param pem the contents of the files
 * @throws Error that names the file that is wrong, and why
 */
export function checkTlsMaterial(pem: TlsFiles): TlsMaterial {
  if ((pem.certificate === undefined) !== (pem.key === undefined)) {
    throw new Error("a certificate and a key are needed together: one of them is missing");
  }
  const certificates = pem.certificate === undefined ? [] : parseCertificates("certificate", pem.certificate);
  const key = pem.key === undefined ? undefined : parseKey(pem.key);
  const leaf = certificates[0];
  if (leaf !== undefined && key !== undefined && !leaf.checkPrivateKey(key)) {
    throw new Error("key: it does not belong to the certificate");
  }
  const authorities = pem.ca === undefined ? [] : parseCertificates("ca", pem.ca);
  const own = pem.certificate === undefined || key === undefined ? {} : {
    certificate: eachOnItsLine(pem.certificate),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
  assertAccepted(own);
  return {
    ...own,
    ...(pem.ca === undefined ? {} : { ca: eachOnItsLine(pem.ca) }),
    certificates: [
      ...certificates.map((certificate) => detailsOf("certificate", certificate)),
      ...authorities.map((authority) => detailsOf("ca", authority)),
    ],
  };
}

/** @throws Error for a pair that TLS does not accept, such as one with an RSA key of 1024 bits */
function assertAccepted({ certificate, key }: TlsFiles): void {
  if (certificate === undefined || key === undefined) return;
  try {
    createSecureContext({ cert: certificate, key });
  } catch (error) {
    throw new Error(`certificate: TLS does not accept it: ${errorMessage(error)}`, { cause: error });
  }
}

/** Separates concatenated certificates by line breaks: without them node:tls ignores all but the first. */
function eachOnItsLine(pem: string): string {
  return pem.replaceAll("-----END CERTIFICATE----------BEGIN", "-----END CERTIFICATE-----\n-----BEGIN");
}

/** Reads a private key. @throws Error that says what is wrong with it */
export function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error("key: no private key can be read from it (PEM: PKCS#1, PKCS#8 or SEC 1, not encrypted)", {
      cause: error,
    });
  }
}
