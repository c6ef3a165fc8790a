/** Accepts for ever. Deno's own iterator ends with an error when a connection was reset before it could be accepted. */
export async function* connections(listener: Deno.TcpListener): AsyncGenerator<Deno.TcpConn, never> {
  while (true) {
    try {
      yield await listener.accept();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotConnected)) throw error;
    }
  }
}
