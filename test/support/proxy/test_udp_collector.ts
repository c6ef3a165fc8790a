/** A collector over UDP that keeps every datagram. */
export class TestUdpCollector {
  readonly datagrams: Uint8Array[] = [];
  /** Where each came from. */
  readonly ports: number[] = [];
  readonly port: number;
  readonly #socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });

  constructor() {
    const { addr } = this.#socket;
    this.port = addr.transport === "udp" ? addr.port : 0;
    void this.#receive();
  }

  close(): void {
    this.#socket.close();
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const [datagram, from] = await this.#socket.receive(new Uint8Array(65535));
        this.datagrams.push(datagram);
        if (from.transport === "udp") this.ports.push(from.port);
      }
    } catch { /* closed */ }
  }
}
