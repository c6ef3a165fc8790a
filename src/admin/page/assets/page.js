// Makes the page live: takes the regions that the server sends, draws the rates, and asks before it changes anything.
// Plain JavaScript, served as it stands; the page is whole without it.
/* global uPlot */

const link = document.getElementById("link");
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
  const old = [...from.childNodes];
  const fresh = [...to.childNodes];
  fresh.forEach((node, index) => {
    if (old[index] === undefined) from.append(node.cloneNode(true));
    else morph(old[index], node);
  });
  for (const node of old.slice(fresh.length)) node.remove();
}

function takeRegions({ order, changed }) {
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
  order.forEach((id, index) => {
    const element = document.getElementById(id);
    const before = index === 0 ? null : document.getElementById(order[index - 1]);
    const after = before === null ? grid.firstElementChild : before.nextElementSibling;
    const next = after?.id === "rates" ? after.nextElementSibling : after;
    if (element !== after && element !== next) grid.insertBefore(element, after);
  });
}

let source;
let path = document.body.dataset.live;

function connect() {
  source?.close();
  source = new EventSource(path);
  source.addEventListener("open", () => say("live", "live"));
  source.addEventListener("error", () => {
    say("away", "no connection to the proxy: trying again");
    // What was refused is not tried again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
  source.addEventListener("regions", (event) => takeRegions(JSON.parse(event.data)));
  source.addEventListener("rate", (event) => charts?.add(JSON.parse(event.data)));
}

function say(state, words) {
  if (link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = words;
}

/** Searching filters as one types, and stays in the page's address. */
function search(form) {
  let waiting;
  const filter = () => {
    const query = form.elements.q.value.trim();
    history.replaceState(null, "", query === "" ? "/" : `/?q=${encodeURIComponent(query)}`);
    path = query === "" ? "/live/dashboard" : `/live/dashboard?q=${encodeURIComponent(query)}`;
    connect();
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 250);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    filter();
  });
}

class Charts {
  #samples = [];
  #records;
  #held;

  constructor(records, held) {
    this.#records = [records, ["received", "sent", "dropped"], ["in", "out", "dropped"]];
    this.#held = [held, ["held"], ["held octets"]];
    const redraw = () => this.draw(true);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new ResizeObserver(() => this.draw()).observe(records);
  }

  async load() {
    const answer = await fetch("/api/rates");
    this.#samples = (await answer.json()).samples;
    this.draw();
  }

  add(sample) {
    this.#samples.push(sample);
    if (this.#samples.length > 720) this.#samples.shift();
    this.draw();
  }

  draw(anew = false) {
    for (const chart of [this.#records, this.#held]) this.#drawOne(chart, anew);
  }

  #drawOne(chart, anew) {
    const [element, names, labels, drawn] = chart;
    const data = [this.#samples.map(({ time }) => time)];
    for (const name of names) data.push(this.#samples.map((sample) => sample[name]));
    const width = element.clientWidth;
    if (drawn !== undefined && !anew) {
      if (drawn.width !== width) drawn.setSize({ width, height: drawn.height });
      drawn.setData(data);
      return;
    }
    drawn?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const axis = {
      stroke: colour("muted"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { stroke: colour("line"), width: 1 },
      font: "12px system-ui, sans-serif",
    };
    chart[3] = new uPlot(
      {
        width,
        height: element.id === "held-chart" ? 120 : 200,
        cursor: { sync: { key: "rates" } },
        scales: {
          x: { range: (_plot, first, last) => [Math.min(first, last - 120), last] },
          y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] },
        },
        axes: [
          { ...axis, space: 80, values: (_plot, ticks) => ticks.map(clock) },
          { ...axis, size: 60, values: (_plot, ticks) => ticks.map(short) },
        ],
        series: [
          { label: "at", value: (_plot, time) => time === null || time === undefined ? "–" : clock(time) },
          ...labels.map((label, index) => ({
            label,
            stroke: colour(names[index]),
            // What goes in and out is mostly the same: the one shows around the other.
            width: names[index] === "received" ? 6 : 2,
            alpha: names[index] === "received" ? 0.5 : 1,
            dash: names[index] === "dropped" ? [3, 3] : undefined,
            points: { show: false },
            value: (_plot, value) => value === null || value === undefined ? "–" : short(value),
          })),
        ],
      },
      data,
      element,
    );
  }
}

const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** The time of day, UTC as everywhere here. */
function clock(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

function short(value) {
  return SHORT.format(value);
}

/** A form that changes something: asks, sends JSON, says what came of it. */
function action(form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { action: address, confirm: question } = form.dataset;
    if (question !== undefined && !confirm(question)) return;
    const outcome = document.getElementById("outcome");
    const button = form.querySelector("button");
    button.disabled = true;
    outcome.textContent = "…";
    try {
      const fields = [...new FormData(form)].filter(([, value]) => value !== "");
      const body = JSON.stringify(Object.fromEntries(fields.map(([name, value]) => [name, Number(value)])));
      const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body });
      outcome.textContent = answer.ok ? await done(answer) : refusal(await answer.json());
    } catch (error) {
      outcome.textContent = `no answer: ${error.message}`;
    } finally {
      button.disabled = false;
    }
  });
}

/** Why something was not done: a configuration has a mistake a line. */
function refusal({ error, mistakes = [] }) {
  return error ?? mistakes.join("\n");
}

/** What is said of a success; a file is saved. */
async function done(answer) {
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  if (name === undefined) return "done";
  const address = URL.createObjectURL(await answer.blob());
  const anchor = Object.assign(document.createElement("a"), { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return `saved ${name}`;
}

let charts;
const records = document.getElementById("records-chart");
if (records !== null) {
  charts = new Charts(records, document.getElementById("held-chart"));
  charts.load();
}
const searching = document.querySelector("form.search");
if (searching !== null) search(searching);
for (const form of document.querySelectorAll("form.action")) action(form);
const actions = document.getElementById("actions");
if (actions !== null) actions.hidden = false;
connect();
