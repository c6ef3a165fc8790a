import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };
import pageStyle from "./assets/page.css" with { type: "text" };
import diffStyle from "./assets/template_diff.css" with { type: "text" };
import themeStyle from "./assets/theme.css" with { type: "text" };
import actionsScript from "./assets/actions.js" with { type: "text" };
import chartsScript from "./assets/charts.js" with { type: "text" };
import pageScript from "./assets/page.js" with { type: "text" };
import regionsScript from "./assets/regions.js" with { type: "text" };

/** A file that the page loads. */
export interface Asset {
  readonly type: string;
  readonly text: string;
}

const css = (text: string): Asset => ({ type: "text/css; charset=utf-8", text });
const script = (text: string): Asset => ({ type: "text/javascript; charset=utf-8", text });

/**
 * The page's files by their names under `/assets/`. They are part of the program: serving them needs no permission to
 * read.
 */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["theme.css", css(themeStyle)],
  ["page.css", css(pageStyle)],
  ["template_diff.css", css(diffStyle)],
  ["uplot.css", css(uplotStyle)],
  ["page.js", script(pageScript)],
  ["actions.js", script(actionsScript)],
  ["charts.js", script(chartsScript)],
  ["regions.js", script(regionsScript)],
  ["uplot.js", script(uplotScript)],
  ["icon.svg", { type: "image/svg+xml", text: icon }],
]);
