import assert from "node:assert/strict";
import { CompiledMappings } from "./compiled_mapping.ts";
import { allocate, memoryOctets, memoryWords } from "./loop/memory.ts";
import { compileMapping } from "./mapping_compiler.ts";
import { countersLength, ProgramWord } from "./rewrite_program.ts";
import { identity } from "../mapping/template_mapping.ts";
import { fromRecord, template } from "../../../test/support/mediation.ts";

const FACTS = { exporterAddress: undefined, observationDomain: 1 };
const mapping = identity(template(256, ["protocolIdentifier", "octetDeltaCount"]));

Deno.test("a mapping is compiled once for all users of its key, into the loop's memory", () => {
  const mappings = new CompiledMappings();
  const one = mappings.take("key", mapping, compileMapping(mapping, FACTS, true));
  const other = mappings.take("key", mapping, compileMapping(mapping, FACTS, true));
  assert.ok(one !== undefined && one === other);
  const octets = one.program.octets.slice();
  new DataView(octets.buffer).setUint32(ProgramWord.messagesBeforeFunction * 4, 1024, true);
  assert.deepEqual(memoryOctets.slice(one.address, one.address + octets.length), octets);
  assert.notEqual(mappings.take("another", mapping, compileMapping(mapping, FACTS, false))?.address, one.address);
});

Deno.test("a mapping gets its walk function when it proves frequent, or at once, and releases it with its memory", () => {
  const named = identity(template(256, ["interfaceName", "interfaceName"]));
  const functionOf = (address = 0) => memoryWords[(address >>> 2) + ProgramWord.walkFunction];
  const mappings = new CompiledMappings(7);
  const slow = mappings.take("slow", named, compileMapping(named, FACTS, true))?.address ?? 0;
  assert.deepEqual([functionOf(slow), memoryWords[(slow >>> 2) + ProgramWord.messagesBeforeFunction]], [0, 7]);
  mappings.compileWalkFunction(slow);
  assert.deepEqual([(functionOf(slow) ?? 0) > 0, memoryWords[(slow >>> 2) + ProgramWord.messagesBeforeFunction]], [
    true,
    0,
  ]);

  const quick = new CompiledMappings(0);
  const address = quick.take("quick", named, compileMapping(named, FACTS, true))?.address;
  assert.equal(functionOf(address), functionOf(slow), "records of one layout are walked by one function");
  const given = functionOf(slow);
  mappings.release("slow");
  quick.release("quick");
  const other = identity(template(256, ["interfaceName", "protocolIdentifier", "interfaceName"]));
  assert.equal(
    functionOf(quick.take("other", other, compileMapping(other, FACTS, true))?.address),
    given,
    "its place is free for another",
  );
  quick.release("other");

  const fixed = identity(template(256, ["protocolIdentifier"]));
  assert.equal(
    functionOf(quick.take("fixed", fixed, compileMapping(fixed, FACTS, true))?.address),
    0,
    "there is nothing to walk",
  );
  quick.compileWalkFunction(12345);
});

Deno.test("a program's memory is reused only when all its users have released it", () => {
  const mappings = new CompiledMappings();
  const address = mappings.take("key", mapping, compileMapping(mapping, FACTS, true))?.address;
  mappings.take("key", mapping, compileMapping(mapping, FACTS, true));
  mappings.release("key");
  assert.notEqual(mappings.take("another", mapping, compileMapping(mapping, FACTS, true))?.address, address);
  mappings.release("key");
  mappings.release("key");
  mappings.release("never taken");
  assert.equal(mappings.take("third", mapping, compileMapping(mapping, FACTS, true))?.address, address);
  assert.notEqual(
    mappings.take("fourth", mapping, compileMapping(mapping, FACTS, true))?.address,
    address,
    "given back once, not twice",
  );
});

Deno.test("templates share a mapping only where their ids are the same, too", () => {
  const mappings = new CompiledMappings();
  mappings.take("key", mapping, compileMapping(mapping, FACTS, true));
  assert.equal(mappings.mapping("key", 256), mapping);
  assert.equal(mappings.mapping("key", 257), undefined);
  mappings.release("key");
  assert.equal(mappings.mapping("key", 256), undefined);
});

Deno.test("a route counts its records, and each source field that is lost", () => {
  const { source } = mapping;
  const lossy = new CompiledMappings().take(
    "",
    { source, fields: [fromRecord("octetDeltaCount", 1)] },
    compileMapping({ source, fields: [fromRecord("octetDeltaCount", 1)] }, FACTS, true),
  );
  const whole = new CompiledMappings().take("", mapping, compileMapping(mapping, FACTS, true));
  assert.ok(lossy !== undefined && whole !== undefined);
  assert.equal(countersLength(whole.program), 8);
  assert.equal(countersLength(lossy.program), 16);
  assert.equal(countersLength({ ...lossy.program, keepsValues: true }), 16 + 64);
});

Deno.test("a mapping that is not shared cannot be taken without its program, and a mapping of no octets has none", () => {
  const mappings = new CompiledMappings();
  assert.throws(() => mappings.take("key", mapping, undefined), /has to be compiled/);
  assert.deepEqual([mappings.has("key"), mappings.mapping("key", 256)], [false, undefined]);
  assert.throws(() => compileMapping(identity(template(256, [])), FACTS, true), RangeError);
});

// The last test: it takes all the memory there is.
Deno.test("when the memory is used up there is no program, until one is given back", () => {
  const mappings = new CompiledMappings();
  mappings.take("first", mapping, compileMapping(mapping, FACTS, true));
  for (let size = 2 ** 24; size >= 64; size /= 2) while (allocate(size) !== 0);
  assert.equal(mappings.take("second", mapping, compileMapping(mapping, FACTS, true)), undefined);
  assert.ok(
    mappings.take("first", mapping, compileMapping(mapping, FACTS, true)) !== undefined,
    "what is there is still shared",
  );
  mappings.release("first");
  mappings.release("first");
  assert.ok(mappings.take("second", mapping, compileMapping(mapping, FACTS, true)) !== undefined);
});
