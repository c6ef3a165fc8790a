/** What tests do with sockets of either side. */

/** Closes it, whether it has been closed before or not. */
export function closeQuietly(socket: { close(): void }): void {
  try {
    socket.close();
  } catch { /* closed before */ }
}

/** Sends all, however many writes that takes. */
export async function send(socket: Deno.Conn, octets: Uint8Array): Promise<void> {
  for (let sent = 0; sent < octets.length;) sent += await socket.write(octets.subarray(sent));
}
