import { Counter, Gauge, type Registry } from "prom-client";
import process from "node:process";

/**
 * Registers the process metrics that are true on Deno and need no permission. prom-client's own read files under /proc,
 * which Deno lets nobody read who is not allowed everything; so there is no count of open files.
 */
export function processMetrics(registry: Registry, startedAt: Date): void {
  const registers = [registry];
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time of all threads of the process, in seconds.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process, in octets.",
    registers,
    collect() {
      this.set(Deno.memoryUsage().rss);
    },
  });
  new Gauge({
    name: "process_heap_bytes",
    help: "Memory that the JavaScript heap uses, in octets; buffers are not part of it.",
    registers,
    collect() {
      this.set(Deno.memoryUsage().heapUsed);
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970-01-01 UTC.",
    registers,
  }).set(startedAt.getTime() / 1000);
}
