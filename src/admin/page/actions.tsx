import type { Child } from "hono/jsx";
import type { AdminView } from "../view/view.ts";

/** What can be done from a page: by its script only, from the proxy's machine only. Hidden until the script shows it. */
function Actions({ children }: { readonly children?: Child }) {
  return (
    <section id="actions" class="card" aria-labelledby="actions-title" hidden>
      <h2 id="actions-title">Actions</h2>
      <p class="none">From the machine of the proxy only, or through kubectl port-forward.</p>
      <div class="actions">{children}</div>
      <output id="outcome" role="status"></output>
    </section>
  );
}

/** What can be done to one session. */
export function SessionActions({ id }: { readonly id: string }) {
  const path = `/api/sessions/${encodeURIComponent(id)}`;
  return (
    <Actions>
      <form class="action" data-action={`${path}/capture`}>
        <label>
          Messages
          <input type="number" name="messages" value="100" min="1" max="100000" required />
        </label>
        <label>
          Seconds at most
          <input type="number" name="seconds" value="10" min="1" max="300" required />
        </label>
        <button type="submit">Capture</button>
        <small>Before and after rewriting, as two files that inspect and tshark read.</small>
      </form>
      <form
        class="action"
        data-action={`${path}/close`}
        data-confirm={`Close session ${id}? The exporter connects again.`}
      >
        <button type="submit" class="danger">Close the session</button>
      </form>
    </Actions>
  );
}

/** What can be done to the whole proxy. */
export function ProxyActions({ view }: { readonly view: AdminView }) {
  return (
    <Actions>
      {view.reload === undefined ? "" : (
        <form class="action" data-action="/api/reload">
          <button type="submit">Reload the configuration</button>
        </form>
      )}
      <form
        class="action"
        data-action="/api/drain"
        data-confirm="Drain? No new exporter is let in, those connected are closed in order, and the proxy ends."
      >
        <button type="submit" class="danger">Drain and end</button>
      </form>
    </Actions>
  );
}
