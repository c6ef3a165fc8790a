/** Below those that kernels give to whoever asks for any port: from 32768 on Linux, from 49152 elsewhere. */
const [FIRST_PORT, LAST_PORT] = [15_000, 32_000];

/**
 * A port of this machine on which nobody listens. Nobody gets it who does not ask for it by its number: a test may bind
 * it later, or again after it has been closed for a while.
 *
 * @throws where none of a hundred is free
 */
export function freePort(): number {
  for (let attempt = 0;; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || attempt === 100) throw error;
    }
  }
}
