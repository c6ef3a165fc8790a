// Draws the rates with uPlot, which is there before this: its script stands first in the page.
/* global uPlot */

/** The two charts of the dashboard: records a second, and octets held. */
export class Charts {
  #samples = [];
  #records;
  #held;

  constructor(records, held) {
    this.#records = [records, ["received", "sent", "dropped"], ["records/s in", "records/s out", "records/s dropped"]];
    this.#held = [held, ["held"], ["octets held"]];
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
    // Without a sample there is no time to draw an axis of.
    if (this.#samples.length === 0) return;
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
          x: { range: (_plot, first, last) => hour(first, Math.min(last, this.#samples.at(-1).time)) },
          y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] },
        },
        axes: [
          { ...axis, space: 80, values: (_plot, ticks) => ticks.map(clock) },
          { ...axis, size: 60, values: (_plot, ticks) => ticks.map((tick) => TICK.format(tick)) },
        ],
        series: [
          { label: "at", value: (_plot, time) => clock(time ?? this.#samples.at(-1).time) },
          ...labels.map((label, index) => ({
            label,
            stroke: colour(names[index]),
            // What goes in and out is mostly the same: the one shows around the other.
            width: names[index] === "received" ? 6 : 2,
            alpha: names[index] === "received" ? 0.5 : 1,
            dash: names[index] === "dropped" ? [3, 3] : undefined,
            points: { show: false },
            // Without a cursor the legend shows the newest sample.
            value: (_plot, value) => short(value ?? this.#samples.at(-1)[names[index]]),
          })),
        ],
      },
      data,
      element,
    );
  }
}

/** Seconds that the axis shows at least, so that a young proxy does not look like a busy one. */
const HOUR = 3600;

/** What the axis shows. Of a single sample uPlot itself makes an axis of many days, up to a time that is yet to come. */
function hour(first, last) {
  return [Math.min(first, last - HOUR), last];
}

/** Ticks lie at quarters. */
const TICK = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** The time of day, UTC as everywhere here. */
function clock(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

function short(value) {
  return SHORT.format(value);
}
