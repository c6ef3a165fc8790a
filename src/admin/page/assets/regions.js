// Takes the regions that the server sends, so that a page stays as it is now.

const main = document.getElementById("main");

/** Puts new HTML into an element without touching what is the same: focus, selection, ticks and open parts stay. */
function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(to.cloneNode(true));
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  for (const { name } of [...from.attributes]) {
    // What a person opened stays open.
    if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (name === "value" && from.localName === "input") continue;
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  if (to.firstElementChild?.dataset.key !== undefined) return morphRows(from, to);
  const old = [...from.childNodes];
  const fresh = [...to.childNodes];
  fresh.forEach((node, index) => {
    if (old[index] === undefined) from.append(node.cloneNode(true));
    else morph(old[index], node);
  });
  for (const node of old.slice(fresh.length)) node.remove();
}

/** Rows with a key of their own stay themselves wherever they move to: nobody opens another one than was in focus. */
function morphRows(from, to) {
  const focused = document.activeElement;
  const rows = new Map([...from.children].map((row) => [row.dataset.key, row]));
  [...to.children].forEach((fresh, index) => {
    const row = rows.get(fresh.dataset.key);
    rows.delete(fresh.dataset.key);
    if (row !== undefined) morph(row, fresh);
    const here = row ?? fresh.cloneNode(true);
    if (from.children[index] !== here) from.insertBefore(here, from.children[index] ?? null);
  });
  for (const row of rows.values()) row.remove();
  // What is moved loses the focus.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

/** Puts in place what changed, in the server's order. */
export function takeRegions({ order, changed }) {
  const grid = main.querySelector(".grid");
  for (const { id, html } of changed) {
    const parsed = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
    const here = document.getElementById(id);
    if (here === null) grid.append(document.adoptNode(parsed));
    else morph(here, parsed);
  }
  // Whatever the server no longer has goes, but for what belongs to the page itself.
  for (const element of [...grid.children]) {
    if (element.id !== "rates" && !order.includes(element.id)) element.remove();
  }
  // What came new stands behind the one before it in the server's order.
  // A region that is too long for an update is not there unless the page was loaded with it.
  const present = order.map((id) => document.getElementById(id)).filter((element) => element !== null);
  present.forEach((element, index) => {
    const before = index === 0 ? null : present[index - 1];
    const after = before === null ? grid.firstElementChild : before.nextElementSibling;
    const next = after?.id === "rates" ? after.nextElementSibling : after;
    if (element !== after && element !== next) grid.insertBefore(element, after);
  });
}
