/**
 * Ends this process once nobody can write to its standard input any more: who started it has ended, and may have been
 * killed before it could end this one.
 */
export async function endWithParent(): Promise<void> {
  await Deno.stdin.readable.pipeTo(new WritableStream());
  Deno.exit();
}
