import { adminTarget } from "./admin_target.ts";
import { messagesTarget } from "./messages_target.ts";
import { octetsTarget } from "./octets_target.ts";
import { pluginsTarget } from "./plugins_target.ts";
import { sessionsTarget } from "./sessions_target.ts";
import type { Target } from "./target.ts";

/** All targets, by name. Each has cases of its own type, which only it reads. */
export const TARGETS: ReadonlyMap<string, Target> = new Map(
  [octetsTarget, messagesTarget, sessionsTarget, adminTarget, pluginsTarget].map((
    target,
  ) => [target.name, target as Target]),
);
