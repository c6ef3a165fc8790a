/**
 * undici's `request`, by a module that a dynamic import can name: the bundle keeps no names of a CommonJS package that
 * is imported so.
 */
export { request } from "undici";
