import assert from "node:assert/strict";
import { nearestNames } from "./nearest_names.ts";

const NAMES = ["egressName", "egressNodeName", "egressIP", "octetDeltaCount", "ingressNetworkPolicyName"];

Deno.test("nearestNames: nearest first, case aside, no more than asked for", () => {
  assert.deepEqual(nearestNames("egresnodename", NAMES), ["egressNodeName", "egressName"]);
  assert.deepEqual(nearestNames("egresnodename", NAMES, 1), ["egressNodeName"]);
  assert.deepEqual(nearestNames("EGRESSIP", [...NAMES, ...NAMES]), ["egressIP", "egressName"]);
});

Deno.test("nearestNames: nothing rather than something far off", () => {
  assert.deepEqual(nearestNames("zzzzzzzz", NAMES), []);
  assert.deepEqual(nearestNames("", NAMES), []);
  assert.deepEqual(nearestNames("egressIP", []), []);
});
