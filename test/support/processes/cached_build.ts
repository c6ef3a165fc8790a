/** What builds of tools into `.cache` share: one at a time, and only where the sources have changed. */

/** Runs an action while no other process runs one on this folder, which is made if need be. */
export async function underLock<T>(cache: URL, action: () => Promise<T>): Promise<T> {
  await Deno.mkdir(cache, { recursive: true });
  using file = await Deno.open(new URL("lock", cache), { create: true, write: true });
  await file.lock(true);
  return await action();
}

/** 16 hexadecimal digits that tell a state of the sources from all others. */
export async function digestOf(text: string): Promise<string> {
  const octets = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(octets).toHex().slice(0, 16);
}

/** Whether there is a file or folder. */
export async function exists(path: URL): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
