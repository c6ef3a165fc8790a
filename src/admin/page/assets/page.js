// Makes the page live. Plain JavaScript, served as it stands; the page is whole without it.
import { action } from "./actions.js";
import { Charts } from "./charts.js";
import { takeRegions } from "./regions.js";

const link = document.getElementById("link");

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
  source.addEventListener("regions", (event) => {
    takeRegions(JSON.parse(event.data));
    // What has ended can neither be captured nor closed.
    const ended = document.querySelector("#session[data-ended], #gone") !== null;
    for (const forms of document.querySelectorAll("#actions .actions")) forms.hidden = ended;
  });
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
    const parameters = new URLSearchParams(location.search);
    parameters.delete("page");
    if (query === "") parameters.delete("q");
    else parameters.set("q", query);
    const asked = parameters.size === 0 ? "" : `?${parameters}`;
    history.replaceState(null, "", `/${asked}`);
    path = `/live/dashboard${asked}`;
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

let charts;
const records = document.getElementById("records-chart");
if (records !== null) {
  charts = new Charts(records, document.getElementById("held-chart"));
  // Without them, the charts begin with the next sample.
  charts.load().catch(() => {});
}
const searching = document.querySelector("form.search");
if (searching !== null) search(searching);
for (const form of document.querySelectorAll("form.action")) action(form);
const actions = document.getElementById("actions");
if (actions !== null) actions.hidden = false;
connect();
