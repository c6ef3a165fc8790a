/** Tests that need a Go toolchain. */
import { hasGo } from "./build.ts";

let told = false;

/**
 * Declares a test that runs real go-ipfix peers. Without Go it is skipped, with one line that says so; where `CI` is
 * `true` nothing is skipped, so that it fails there instead.
 */
export function interopTest(name: string, run: () => Promise<void>): void {
  const ignore = !hasGo() && Deno.env.get("CI") !== "true";
  if (ignore && !told) {
    told = true;
    Deno.stderr.writeSync(
      new TextEncoder().encode("Skipped for want of a Go toolchain: tests with real go-ipfix peers\n"),
    );
  }
  Deno.test({ name, ignore, fn: run });
}
