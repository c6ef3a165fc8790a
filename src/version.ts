import project from "../deno.json" with { type: "json" };

/** This program's release. */
export const VERSION: string = project.version;
