/** Accepts for ever. Deno's own iterator ends with an error when a connection was reset before it could be accepted. */
export async function* connections<Connection extends Deno.Conn>(
  listener: { accept(): Promise<Connection> },
): AsyncGenerator<Connection, never> {
  while (true) {
    try {
      yield await listener.accept();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotConnected)) throw error;
    }
  }
}
