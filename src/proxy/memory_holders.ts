import type { ProcessMemory } from "./memory/process_memory.ts";
import type { MessageMemory } from "./memory/message_memory.ts";
import { type MemoryState, ResidentMemory } from "./memory/resident_memory.ts";
import type { OpenSessions } from "./sessions/open_sessions.ts";
import type { SessionOpener } from "./proxy_options.ts";
import type { ReportEvent } from "./reporting/proxy_event.ts";
import type { Clock } from "./time/clock.ts";

/** Octets of templates that a session must have to be ended because memory is tight: no Agent's take as many. */
const MUCH = 64 * 1024;
/** Octets that the end of any session frees at least. */
const SESSION_OCTETS = 12 * 1024;
/** Sessions ended at a time, each of which is some work. */
const MOST_ENDED = 512;
/** Milliseconds after which memory that is full again is news. */
const REPORT_AGAIN = 60_000;

/** What takes memory, and can give it back. */
export interface MemoryHolders {
  readonly clock: Clock;
  readonly memory: ProcessMemory;
  readonly mediator: Pick<SessionOpener, "relieve">;
  readonly messages: MessageMemory;
  readonly sessions: Pick<OpenSessions, "relieve">;
  readonly report: ReportEvent;
}

/** Keeps the process' memory below a limit, in octets, by ending sessions. */
export function residentMemory(limit: number, holders: MemoryHolders): ResidentMemory {
  const { clock, memory, mediator, messages, sessions, report } = holders;
  let reportedAt = -Infinity;
  return new ResidentMemory(limit, {
    clock,
    memory,
    endLargest(octets) {
      let freed = 0;
      while (freed < octets) {
        const more = mediator.relieve?.(MUCH) || messages.relieve();
        if (more === 0) break;
        freed += more;
      }
      return freed;
    },
    endAny: (octets) => sessions.relieve(Math.min(MOST_ENDED, Math.ceil(octets / SESSION_OCTETS))),
    onChange(state: MemoryState, resident) {
      messages.closed = state === "full";
      messages.look();
      if (state !== "full" || clock.now() - reportedAt < REPORT_AGAIN) return;
      reportedAt = clock.now();
      const message =
        "the process is close to limits.memory: no exporter is let in and no template worked on until the " +
        "sessions that take most have been closed";
      report({ level: "warning", event: "memory_full", message, fields: { resident, limit } });
    },
  });
}
