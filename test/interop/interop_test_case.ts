/** Tests that need a Go toolchain. */
import { GO, toolTest } from "../support/processes/tool_test_case.ts";

/**
 * Declares a test that runs real go-ipfix peers. Without Go it is skipped, and says so; with `CI=true` it fails
 * instead.
 */
export function interopTest(name: string, run: () => Promise<void>): void {
  toolTest(GO, name, run);
}
