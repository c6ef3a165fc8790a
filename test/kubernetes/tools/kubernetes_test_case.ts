import { missingTools } from "./kubernetes_tools.ts";

const missing = missingTools();

/** A test with a real API server. In CI it is never skipped; elsewhere its name says what it lacks. */
export function kubernetesTest(name: string, fn: () => Promise<void>): void {
  const ignore = Deno.env.get("CI") !== "true" && missing.length > 0;
  Deno.test({ name: ignore ? `${name} (skipped: there is no ${missing.join(" and no ")})` : name, ignore, fn });
}
