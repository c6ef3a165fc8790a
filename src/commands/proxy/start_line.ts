import { dirname, relative, resolve } from "node:path";
import project from "../../../deno.json" with { type: "json" };
import type { Configuration } from "../../config/configuration.ts";
import { IsolatedPlugin } from "../../plugin_process/isolated_plugin.ts";

/** Starts plugins in processes of their own, as the task `serve:plugins` does. */
const ALLOW_RUN = `--allow-run="$(deno eval -p 'Deno.execPath()')"`;

/**
 * The command line that starts the proxy with the permissions that a configuration needs.
 *
 * @returns a task, where one has just these permissions; else the whole command; in a bundle, which has no tasks, the
 *   permissions that it needs beside those that every configuration does
 */
export function startLine(configuration: Configuration, isBundled = !import.meta.url.endsWith(".ts")): string {
  const { file, cache } = configuration;
  const folder = cache === undefined ? undefined : dirname(resolve(cache.file));
  const isOutside = runsOutsidePlugins(configuration);
  const options = [
    ...(folder === undefined ? [] : [`--allow-write=${quoted(folder)}`]),
    ...(isOutside ? [isBundled ? `--allow-run=${quoted(Deno.execPath())}` : ALLOW_RUN] : []),
  ];
  if (isBundled) return options.length === 0 ? "no further permission" : options.join(" ");
  const end = `--config ${quoted(file)}`;
  if (options.length === 0) return `deno task serve ${end}`;
  if (folder === undefined) return `deno task serve:plugins ${end}`;
  if (!isOutside && !relative(resolve("cache"), folder).startsWith("..")) return `deno task serve:cache ${end}`;
  return `${project.tasks.serve.replace("-P=proxy", `-P=proxy ${options.join(" ")}`)} ${end}`;
}

function runsOutsidePlugins({ treatment, peers }: Configuration): boolean {
  return [treatment, ...peers.map((peer) => peer.treatment)]
    .some(({ chain }) => chain.some(({ plugin }) => plugin instanceof IsolatedPlugin));
}

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
