import { z } from "zod";
import { apiError } from "./api_error.ts";
import { type KubernetesObject, kubernetesObject } from "./objects.ts";
import type { ResourceTarget } from "./resource.ts";

/** A longer line cannot be an event, since etcd cannot hold such an object. */
const MAX_LINE = 8 * 1024 * 1024;

/** A change of one object, or a bookmark: the resource version from which a watch can continue. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubernetesObject;
}

const event = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["ADDED", "MODIFIED", "DELETED"]), object: kubernetesObject }),
  z.object({
    type: z.literal("BOOKMARK"),
    object: z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string() }) }),
  }),
  z.object({ type: z.literal("ERROR"), object: z.looseObject({ code: z.number().default(500) }) }),
]);

/**
 * Parses the lines of a watch into events.
 *
 * @throws ApiError for an event of type ERROR: status 410 where the resource version is too old
 * @throws Error for a line that is no event
 */
export async function* readWatchLines(
  body: AsyncIterable<Uint8Array>,
  target: ResourceTarget,
): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) throw new Error(`a watch's line of more than ${MAX_LINE} characters`);
    for (const line of lines) if (line.trim() !== "") yield readEvent(line, target);
  }
}

function readEvent(line: string, target: ResourceTarget): WatchEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Refused below, as what is no event.
  }
  const { success, data } = event.safeParse(value);
  if (!success) throw new Error("a line of the watch is not an event");
  if (data.type === "ERROR") throw apiError("watch", target, data.object.code, data.object);
  if (data.type !== "BOOKMARK") return data;
  const { resourceVersion } = data.object.metadata;
  return { type: "BOOKMARK", object: { metadata: { name: "", resourceVersion } } };
}
