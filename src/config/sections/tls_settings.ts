import { type TransportProtocol, usesTls } from "../../ipfix/message/transport_protocol.ts";
import type { ClusterTls, ClusterTrust, CollectorTls, ListenerTls } from "../configuration.ts";
import type { TlsChoice } from "../schema/configuration_schema.ts";
import {
  type CertificateDetails,
  certificateName,
  detailsOf,
  invalidity,
  parseCertificates,
} from "../../certificates/certificate_details.ts";
import { checkTlsMaterial, parseKey } from "../../certificates/tls_material.ts";
import { errorMessage } from "../../error_message.ts";
import { type Path, pathText } from "../yaml/mistake.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";

type Files = "certificate" | "key" | "ca";

/** Checks the `tls:` block of a listener. Undefined without one, or with mistakes. */
export function listenerTls(
  reader: ConfigurationReader,
  path: Path,
  transport: TransportProtocol,
  tls: TlsChoice | undefined,
): ListenerTls | ClusterTls | undefined {
  if (!belongs(reader, path, transport, tls, "mode, certificate, key; ca, requireClientCertificate")) return undefined;
  if (tls.serverName !== undefined) {
    reader.mistake(
      [...path, "serverName"],
      "only a collector has a name to check (certificate, key, ca, requireClientCertificate)",
      "key",
    );
  }
  const mode = clusterTrust(tls);
  if (mode !== undefined) return clusterTls(reader, path, tls, mode);
  const certificate = file(reader, path, "certificate", tls) ?? missing(reader, path, "certificate", tls);
  const key = file(reader, path, "key", tls) ?? missing(reader, path, "key", tls);
  const ca = file(reader, path, "ca", tls);
  if (tls.requireClientCertificate === true && tls.ca === undefined) {
    reader.mistake(
      [...path, "requireClientCertificate"],
      "true without ca: there is nothing to check certificates with (ca, or false)",
    );
  }
  if (certificate === undefined || key === undefined) return undefined;
  if (!belongTogether(reader, path, certificate, key)) return undefined;
  const requireClientCertificate = tls.requireClientCertificate ?? ca !== undefined;
  return { certificate, key, requireClientCertificate, ...(ca === undefined ? {} : { ca }) };
}

/** Checks the `tls:` block of a collector. Undefined without one, or with mistakes. */
export function collectorTls(
  reader: ConfigurationReader,
  path: Path,
  transport: TransportProtocol,
  tls: TlsChoice | undefined,
): CollectorTls | ClusterTls | undefined {
  if (!belongs(reader, path, transport, tls, "mode, ca; certificate, key, serverName")) return undefined;
  if (tls.requireClientCertificate !== undefined) {
    reader.mistake(
      [...path, "requireClientCertificate"],
      "only a listener requires certificates (certificate, key, ca, serverName)",
      "key",
    );
  }
  const mode = clusterTrust(tls);
  if (mode !== undefined) return clusterTls(reader, path, tls, mode);
  const ca = file(reader, path, "ca", tls) ?? missing(reader, path, "ca", tls);
  const certificate = file(reader, path, "certificate", tls);
  const key = file(reader, path, "key", tls);
  if (tls.certificate === undefined && tls.key !== undefined) missing(reader, path, "certificate", tls);
  if (tls.key === undefined && tls.certificate !== undefined) missing(reader, path, "key", tls);
  if (ca === undefined) return undefined;
  if (certificate !== undefined && key !== undefined && !belongTogether(reader, path, certificate, key)) {
    return undefined;
  }
  const { serverName } = tls;
  return {
    ca,
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/** Whether a listener with this block checks the certificates of exporters. */
export function checksCertificates(tls: TlsChoice | undefined): boolean {
  return tls !== undefined && (tls.ca !== undefined || clusterTrust(tls) !== undefined);
}

/** How certificates come from a cluster; undefined: they are files. */
function clusterTrust({ mode, certificate, key, ca }: TlsChoice): ClusterTrust | undefined {
  const chosen = mode ?? ((certificate ?? key ?? ca) === undefined ? "auto" : "files");
  return chosen === "files" ? undefined : chosen;
}

function clusterTls(reader: ConfigurationReader, path: Path, tls: TlsChoice, mode: ClusterTrust): ClusterTls {
  for (const key of ["certificate", "key", "ca"] as const) {
    if (tls[key] === undefined) continue;
    reader.mistake([...path, key], `not with mode ${mode}, which takes it from the cluster (mode: files)`, "key");
  }
  if (tls.requireClientCertificate === false) {
    reader.mistake([...path, "requireClientCertificate"], `false, but mode ${mode} verifies every exporter (true)`);
  }
  reader.certificates.push({ path: pathText(path), mode, certificates: [], mistakes: [] });
  return { mode, ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }) };
}

function belongs(
  reader: ConfigurationReader,
  path: Path,
  transport: TransportProtocol,
  tls: TlsChoice | undefined,
  keys: string,
): tls is TlsChoice {
  // A block that is present but wrong has its mistakes already.
  const isMissing = tls === undefined && reader.document.valueAt(path) === undefined;
  if (usesTls(transport) && isMissing) reader.mistake(path, `missing (a map: ${keys})`);
  if (!usesTls(transport) && tls !== undefined) {
    reader.mistake(path, `not with transport ${transport} (transport: tls or grpc)`, "key");
  }
  return usesTls(transport) && tls !== undefined;
}

function missing(reader: ConfigurationReader, path: Path, name: Files, tls: TlsChoice): undefined {
  if (tls[name] === undefined) reader.mistake([...path, name], "missing (path of a PEM file)");
}

/** The resolved path of a PEM file, which must hold what it is for. */
function file(reader: ConfigurationReader, path: Path, name: Files, tls: TlsChoice): string | undefined {
  const given = tls[name];
  if (given === undefined) return undefined;
  const at = [...path, name];
  const resolved = reader.path(given);
  const text = reader.read(resolved, at);
  if (text === undefined) return undefined;
  if (!text.includes("-----BEGIN ")) {
    reader.mistake(at, `${resolved} contains no PEM (a file with -----BEGIN … lines)`);
    return undefined;
  }
  try {
    if (name === "key") parseKey(text);
    else {
      const certificates = parseCertificates(name, text);
      if (name === "ca" && !certificates.some(({ ca }) => ca)) {
        const why = "holds no certificate of a CA, so none that it issued is accepted";
        reader.warnings.push(`${pathText(at)}: ${resolved} ${why}`);
      }
      lookAt(reader, at, resolved, certificates.map((one) => detailsOf(name, one)));
    }
    return resolved;
  } catch (error) {
    reader.mistake(at, `${resolved}: ${errorMessage(error).replace(`${name}: `, "")}`);
    return undefined;
  }
}

/** Notes certificates and which of them are not valid. Of CA certificates, one that is valid suffices. */
function lookAt(
  reader: ConfigurationReader,
  at: Path,
  file: string,
  certificates: readonly CertificateDetails[],
): void {
  const invalid = certificates.flatMap((certificate) => {
    const why = invalidity(certificate, reader.now);
    return why === undefined ? [] : [`${file}: ${certificateName(certificate)} ${why}`];
  });
  const suffices = certificates.some(({ role }) => role === "ca") && invalid.length < certificates.length;
  if (suffices) {
    reader.warnings.push(...invalid.map((text) => `${pathText(at)}: ${text}; other certificates in it are valid`));
  }
  const mistakes = suffices
    ? []
    : invalid.map((text) => reader.document.mistake(at, `${text} (a certificate that is valid)`));
  reader.certificates.push({ path: pathText(at), file, certificates, mistakes });
}

/** Whether a certificate and a key belong together. */
function belongTogether(reader: ConfigurationReader, path: Path, certificate: string, key: string): boolean {
  try {
    checkTlsMaterial({ certificate: reader.readTextFile(certificate), key: reader.readTextFile(key) });
    return true;
  } catch {
    reader.mistake([...path, "key"], `${key} does not belong to the certificate ${certificate} (its private key)`);
    return false;
  }
}
