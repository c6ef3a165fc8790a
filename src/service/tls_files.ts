import type { CertificateView } from "../admin/view/view.ts";
import { type CollectorSettings, isClusterTls, type ListenerSettings } from "../config/configuration.ts";
import type { CertificateDetails } from "../certificates/certificate_details.ts";
import { certificateFault, type Side } from "../certificates/certificate_fault.ts";
import type { AggregatorTrust } from "../kubernetes/trust/aggregator_trust.ts";
import { type Clock, SYSTEM_CLOCK } from "../proxy/time/clock.ts";
import { antreaFlowReleases } from "../config/profiles/antrea_flow_releases.ts";
import type { TransportProtocol } from "../ipfix/message/transport_protocol.ts";
import type { FlowRelease } from "../proxy/transport/flow_release.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import type { CollectorOptions } from "../proxy/collector/collector_options.ts";
import type { ListenerOptions } from "../proxy/transport/listener.ts";
import { FileCredentials } from "../proxy/transport/tls/tls_credentials.ts";
import type { TlsFiles } from "../certificates/tls_material.ts";

/** Reads the certificates of listeners and collectors, and keeps them current when the files change. */
export class TlsEndpoints {
  readonly #open: { readonly role: Side; readonly credentials: FileCredentials }[] = [];
  #closed = false;

  /** @param trust where certificates come from that are no files */
  constructor(readonly report: ReportEvent, readonly trust?: AggregatorTrust, readonly clock: Clock = SYSTEM_CLOCK) {}

  /** @throws Error that names the file and what is wrong with it */
  async listener({ tls, ...listener }: ListenerSettings): Promise<ListenerOptions> {
    if (tls === undefined) return listener;
    if (isClusterTls(tls)) {
      const credentials = this.#clusterTrust().listener;
      return { ...listener, tls: { requireClientCertificate: true, credentials }, ...flows(listener.transport) };
    }
    const { requireClientCertificate, ...files } = tls;
    return {
      ...listener,
      tls: { requireClientCertificate, credentials: await this.#credentials("listener", files) },
      ...flows(listener.transport),
    };
  }

  /** @throws Error that names the file and what is wrong with it */
  async collector({ tls, ...settings }: CollectorSettings): Promise<CollectorOptions> {
    if (tls === undefined) return settings;
    const { transport, address } = settings;
    if (isClusterTls(tls)) {
      const trust = this.#clusterTrust();
      const { serverName = trust.serverName } = tls;
      return { transport, address, tls: { serverName, credentials: trust.collector }, ...flows(transport) };
    }
    const { serverName, ...files } = tls;
    return {
      transport,
      address,
      tls: {
        ...(serverName === undefined ? {} : { serverName }),
        credentials: await this.#credentials("collector", files),
      },
      ...flows(transport),
    };
  }

  /** When the certificates in use are valid, for the metrics. */
  *certificates(): Iterable<CertificateView> {
    for (const { role, certificates } of this.#inUse()) {
      for (const { role: kind, validFrom, expiresAt } of certificates) {
        yield { role: kind === "ca" ? "ca" : role, validFrom, expiresAt };
      }
    }
  }

  /** Why exporters or collectors may be locked out: certificates that are not valid now, in words. */
  faults(): string[] {
    const now = this.clock.date();
    const faults = [...this.#inUse()].flatMap(({ role, certificates }) =>
      certificateFault(role, certificates, now) ?? []
    );
    return [...new Set(faults)];
  }

  *#inUse(): Iterable<{ readonly role: Side; readonly certificates: readonly CertificateDetails[] }> {
    for (const { role, credentials } of this.#open) yield { role, certificates: credentials.material.certificates };
    for (const role of ["listener", "collector"] as const) {
      const credentials = this.trust?.[role];
      if (credentials?.established === true) yield { role, certificates: credentials.material.certificates };
    }
  }

  /** Checks for changed files now rather than in a few seconds. */
  async refresh(): Promise<void> {
    await Promise.all(this.#open.map(({ credentials }) => credentials.refresh()));
  }

  /** Stops following the files. */
  close(): void {
    this.#closed = true;
    for (const { credentials } of this.#open) credentials.close();
  }

  #clusterTrust(): AggregatorTrust {
    if (this.trust === undefined) throw new Error("there is no cluster that certificates could come from");
    return this.trust;
  }

  async #credentials(role: Side, files: TlsFiles): Promise<FileCredentials> {
    const credentials = await FileCredentials.open(files, this.clock, this.report, role);
    // Files of another listener were no good meanwhile: nobody will use these.
    if (this.#closed) credentials.close();
    else this.#open.push({ role, credentials });
    return credentials;
  }
}

/** What becomes of flows, where there are any. */
function flows(transport: TransportProtocol): { readonly releases?: readonly FlowRelease[] } {
  return transport === "grpc" ? { releases: antreaFlowReleases() } : {};
}
