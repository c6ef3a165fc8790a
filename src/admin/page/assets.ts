import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };
import pageStyle from "./assets/page.css" with { type: "text" };
import pageScript from "./assets/page.js" with { type: "text" };

/** A file that belongs to the page. */
export interface Asset {
  readonly type: string;
  readonly text: string;
}

/** The page's own files, by their names under `/assets/`. Part of the program: reading them needs no permission, and no network. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  ["page.css", { type: "text/css; charset=utf-8", text: pageStyle }],
  ["page.js", { type: "text/javascript; charset=utf-8", text: pageScript }],
  ["uplot.css", { type: "text/css; charset=utf-8", text: uplotStyle }],
  ["uplot.js", { type: "text/javascript; charset=utf-8", text: uplotScript }],
  ["icon.svg", { type: "image/svg+xml", text: icon }],
]);
