import type { AdminView, TreatmentView } from "../../view/view.ts";
import { Facts, Region } from "../parts.tsx";

/** The configuration in force, with its plugin chain. */
export function Configuration({ view }: { readonly view: AdminView }) {
  const { configuration } = view;
  if (configuration === undefined) return <section id="configuration" hidden></section>;
  const { file, listen, trust = [], peers = [], limits = {} } = configuration;
  return (
    <Region id="configuration" title="Configuration in force" class="wide">
      <Facts
        facts={[
          ["From", file === undefined ? "the demo" : <code>{file}</code>],
          ["Listens on", listen.join(", ")],
          ["Mode", configuration.mode === "observe" ? "observe: everything is relayed unchanged" : configuration.mode],
          ["Collector", `${configuration.collector}, ${configuration.profile} (${configuration.dialect})`],
        ]}
      />
      <h3>Chain</h3>
      <Chain treatment={configuration} />
      {peers.map((peer) => (
        <>
          <h3>
            {peer.name}: {Object.entries(peer.match).map(([key, value]) => `${key} ${value}`).join(", ")}
          </h3>
          <p>{`${peer.mode}, ${peer.collector}, ${peer.profile} (${peer.dialect})`}</p>
          <Chain treatment={peer} />
        </>
      ))}
      {trust.length === 0 ? "" : (
        <details>
          <summary>Trust</summary>
          <ul>{trust.map((line) => <li>{line}</li>)}</ul>
        </details>
      )}
      {Object.keys(limits).length === 0 ? "" : (
        <details>
          <summary>Limits</summary>
          <Facts facts={Object.entries(limits)} />
        </details>
      )}
    </Region>
  );
}

function Chain({ treatment: { chain } }: { readonly treatment: TreatmentView }) {
  if (chain.length === 0) return <p class="none">No plugins: every template is relayed unchanged.</p>;
  return (
    <ol class="chain">
      {chain.map(({ use, options }) => (
        <li>
          <strong>{use}</strong>
          <Options options={options} />
        </li>
      ))}
    </ol>
  );
}

function Options({ options }: { readonly options: unknown }) {
  const given = typeof options !== "object" || options === null ? [] : Object.entries(options);
  const said = given.map(([name, value]) => [name, JSON.stringify(value)]).filter(([, text]) =>
    text !== undefined && text !== "{}" && text !== "[]"
  );
  return <span>{said.map(([name, text]) => `${name}: ${text}`).join(", ")}</span>;
}
