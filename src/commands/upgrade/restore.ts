import { Command } from "commander";
import { resolve } from "node:path";
import { errorMessage } from "../../error_message.ts";
import { SYSTEM_CLOCK } from "../../proxy/time/clock.ts";
import { DEFAULT_NAMESPACE, openAccess } from "../../service/cluster.ts";
import { printable, writeLine } from "../../terminal/terminal.ts";
import { runFailure, usageFailure } from "../command_line/command_failure.ts";
import { configurationOption, required } from "../command_line/command_options.ts";

interface Options {
  readonly config?: string;
  readonly kubeconfig?: string;
}

/** The `restore` command. */
export function restoreCommand(): Command {
  return new Command("restore")
    .summary("remove from the cluster what the proxy added to its trust")
    .description(
      "Removes the CA certificates that proxies with tls.mode append-ca or auto have added to the bundle that Agents read, and " +
        "deletes the Secret that kubernetes.ownCaSecret names. Leaves everything else in the bundle as it is. Drain the proxy " +
        "first: one that still runs adds its CA again. The modes mint and files write nothing to the cluster. Prints a line for " +
        "each thing removed. Exit status: 0 done, 1 the API server is not reachable or refused.",
    )
    .option("-c, --config <file>", "configuration of the proxy")
    .option("--kubeconfig <file>", "the cluster (default: kubernetes.kubeconfig, else that of the Pod this runs in)")
    .action(restore);
}

async function restore(options: Options): Promise<void> {
  const { kubernetes } = await configurationOption(required("--config <file>", options.config));
  const trust = kubernetes?.trust;
  if (trust === undefined || trust === "mint") {
    return await writeLine(`nothing to remove: tls.mode ${trust ?? "files"} writes nothing to the cluster`);
  }
  const access = await accessTo(options.kubeconfig, kubernetes?.kubeconfig);
  try {
    const [{ KubernetesClient }, { restoreTrust }] = await Promise.all([
      import("../../kubernetes/api/client.ts"),
      import("../../kubernetes/trust/restore.ts"),
    ]);
    using client = new KubernetesClient({ access, clock: SYSTEM_CLOCK });
    const namespace = kubernetes?.namespace ?? access.namespace ?? DEFAULT_NAMESPACE;
    const lines = await restoreTrust({ client, namespace, ownCaSecret: kubernetes?.ownCaSecret });
    for (const line of lines) await writeLine(printable(line));
    if (lines.length === 0) {
      await writeLine(`nothing to remove: the proxy has left nothing in namespace ${namespace}`);
    }
  } catch (error) {
    throw runFailure(`error: ${printable(errorMessage(error))}`, error);
  }
}

/** @param option the kubeconfig of the option, which goes before that of the configuration */
async function accessTo(option: string | undefined, configured: string | undefined): ReturnType<typeof openAccess> {
  const kubeconfig = option === undefined ? configured : resolve(option);
  try {
    return await openAccess(kubeconfig === undefined ? {} : { kubeconfig }, SYSTEM_CLOCK);
  } catch (error) {
    throw usageFailure(
      `error: ${option === undefined ? "" : "--kubeconfig: "}${printable(errorMessage(error))}`,
      error,
    );
  }
}
