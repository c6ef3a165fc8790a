import { Command } from "commander";
import { resolve } from "node:path";
import { errorMessage } from "../error_message.ts";
import { SYSTEM_CLOCK } from "../proxy/time/clock.ts";
import { DEFAULT_NAMESPACE, openAccess } from "../service/cluster.ts";
import { printable, writeLine } from "../terminal/terminal.ts";
import { runFailure } from "./command_line/command_failure.ts";
import { configurationOption, required } from "./command_line/command_options.ts";

interface Options {
  readonly config?: string;
  readonly kubeconfig?: string;
}

/** The `restore` command. */
export function restoreCommand(): Command {
  return new Command("restore")
    .summary("put the cluster's trust back as it was without the proxy")
    .description(
      "With tls.mode append-ca, or auto, takes the CAs of this program out of the bundle that Agents read, and nothing else, whatever " +
        "else has changed in it meanwhile; the Secret of kubernetes.ownCaSecret is deleted. A proxy that still runs puts its CA in " +
        "again: let it drain first. The modes mint and files write nothing, so there is nothing to put back. Writes a line for " +
        "each thing that was put back. Exit status: 0 done, 1 the API server refuses or cannot be reached.",
    )
    .option("-c, --config <file>", "configuration of the proxy")
    .option("--kubeconfig <file>", "the cluster (default: kubernetes.kubeconfig, else that of the Pod this runs in)")
    .action(restore);
}

async function restore(options: Options): Promise<void> {
  const { kubernetes } = await configurationOption(required("--config <file>", options.config));
  const trust = kubernetes?.trust;
  if (trust === undefined || trust === "mint") {
    return await writeLine(`nothing to put back: tls.mode ${trust ?? "files"} writes nothing into the cluster`);
  }
  const kubeconfig = options.kubeconfig === undefined ? kubernetes?.kubeconfig : resolve(options.kubeconfig);
  try {
    const access = await openAccess(kubeconfig === undefined ? {} : { kubeconfig }, SYSTEM_CLOCK);
    const [{ KubernetesClient }, { restoreTrust }] = await Promise.all([
      import("../kubernetes/api/client.ts"),
      import("../kubernetes/trust/restore.ts"),
    ]);
    using client = new KubernetesClient({ access, clock: SYSTEM_CLOCK });
    const namespace = kubernetes?.namespace ?? access.namespace ?? DEFAULT_NAMESPACE;
    const lines = await restoreTrust({ client, namespace, ownCaSecret: kubernetes?.ownCaSecret });
    for (const line of lines) await writeLine(printable(line));
    if (lines.length === 0) {
      await writeLine(`nothing to put back: namespace ${namespace} holds nothing of this program`);
    }
  } catch (error) {
    throw runFailure(`error: ${printable(errorMessage(error))}`, error);
  }
}
