import assert from "node:assert/strict";
import { didYouMean, nearestNames } from "./nearest_names.ts";

const NAMES = ["egressName", "egressNodeName", "egressIP", "octetDeltaCount", "ingressNetworkPolicyName"];

Deno.test("nearestNames: nearest first, case aside, no more than asked for", () => {
  assert.deepEqual(nearestNames("egresnodename", NAMES), ["egressNodeName", "egressName"]);
  assert.deepEqual(nearestNames("egresnodename", NAMES, 1), ["egressNodeName"]);
  assert.deepEqual(nearestNames("EGRESSIP", [...NAMES, ...NAMES]), ["egressIP", "egressName"]);
});

Deno.test("nearestNames: of equals the first given, and what comes from outside costs little however long", () => {
  assert.deepEqual(nearestNames("v2.9", ["v2.7", "v2.6", "v2.1"], 2, Infinity), ["v2.7", "v2.6"]);
  assert.deepEqual(nearestNames("e".repeat(1_000_000), NAMES, 3, Infinity), []);
});

Deno.test("nearestNames: letters that changed places are one mistake", () => {
  assert.deepEqual(nearestNames("v1.51", ["v1.1", "v1.5", "v1.14", "v1.15"], 1), ["v1.15"]);
  assert.equal(didYouMean("mdoe", ["transport", "mode"]), ', did you mean "mode"?');
});

Deno.test("didYouMean: suggests a name only for a typing mistake", () => {
  assert.equal(didYouMean("adress", ["transport", "address"]), ', did you mean "address"?');
  assert.equal(didYouMean("mode", ["transport", "address"]), "");
});

Deno.test("nearestNames: nothing rather than something far off", () => {
  assert.deepEqual(nearestNames("zzzzzzzz", NAMES), []);
  assert.deepEqual(nearestNames("", NAMES), []);
  assert.deepEqual(nearestNames("egressIP", []), []);
});
