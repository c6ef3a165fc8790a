import type { Child } from "hono/jsx";
import type { AdminView } from "../view/view.ts";

/** Actions that a page offers. They need its script, which shows them, and work only from the proxy's machine. */
function Actions({ children }: { readonly children?: Child }) {
  return (
    <section id="actions" class="card" aria-labelledby="actions-title" hidden>
      <h2 id="actions-title">Actions</h2>
      <p class="none">Works only from the proxy's own machine, or through kubectl port-forward.</p>
      <div class="actions">{children}</div>
      <output id="outcome" role="status"></output>
    </section>
  );
}

/** Actions on one session. */
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
          At most seconds
          <input type="number" name="seconds" value="10" min="1" max="300" required />
        </label>
        <button type="submit">Capture</button>
        <small>Captures messages before and after rewriting into two files that inspect and tshark can read.</small>
      </form>
      <form
        class="action"
        data-action={`${path}/close`}
        data-confirm={`Close session ${id}? The exporter will reconnect.`}
      >
        <button type="submit" class="danger">Close this session</button>
      </form>
    </Actions>
  );
}

/** Actions on the whole proxy. */
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
        data-confirm="Drain? The proxy accepts no new exporters, lets open sessions finish, and exits."
      >
        <button type="submit" class="danger">Drain and exit</button>
      </form>
    </Actions>
  );
}
