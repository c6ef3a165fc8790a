import assert from "node:assert/strict";
import { ConfigurationError } from "../yaml/mistake.ts";
import { loadProfile } from "./profiles.ts";
import { type Files, load, mistakes, RIGHT } from "../../../test/support/configuration.ts";

function profile(path: string, files: Files) {
  return loadProfile(path, (name) => {
    const text = files[name];
    if (text === undefined) throw Object.assign(new Error(`no ${name}`), { code: "ENOENT" });
    return text;
  });
}

function wrong(files: Files): string[] {
  try {
    profile("own/p.yaml", files);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message.split("\n");
    throw error;
  }
  return [];
}

function fields(path: string, files: Files) {
  return profile(path, files).templates.map(({ name, selectedBy, fields }) =>
    [
      name,
      selectedBy.map(({ name }) => name).join("+"),
      ...fields.map(({ element, length }) => `${element.name}:${length}`),
    ].join(" ")
  );
}

const HEAD = "name: p\ndialect: rfc7011\nregistry: iana\n";
const SMALL = `${HEAD}templates:
  - name: one
    selectedBy: octetDeltaCount
    fields: [octetDeltaCount, protocolIdentifier, flowEndReason]
  - { name: two, selectedBy: packetDeltaCount, fields: [packetDeltaCount, flowEndReason] }
`;

Deno.test("elements by name, by number, with a length of their own", () => {
  const files = {
    "own/p.yaml": `${HEAD}templates:
  - name: any
    selectedBy: 0/8
    fields:
      - sourceIPv4Address
      - 0/12
      - 29305/1
      - { element: octetDeltaCount, length: 4 }
      - { element: interfaceName, length: 16 }
      - 64512/7
      - { element: 64512/8, length: 6 }
`,
  };
  assert.deepEqual(fields("own/p.yaml", files), [
    "any sourceIPv4Address sourceIPv4Address:4 destinationIPv4Address:4 reverseOctetDeltaCount:8 octetDeltaCount:4 " +
    "interfaceName:16 64512/7:65535 64512/8:6",
  ]);
  const { registry, acceptsUnknownElements } = profile("own/p.yaml", files);
  assert.equal(acceptsUnknownElements, false);
  // What the collector expects, it knows, though no registry has it.
  assert.deepEqual([registry.lookup(64512, 8)?.length, registry.lookup(64512, 8)?.known], [6, false]);
  assert.equal(registry.byName("64512/7")?.id, 7);
  assert.equal(registry.lookup(64512, 9), undefined);
  assert.equal([...registry.elements()].filter(({ pen }) => pen === 64512).length, 2);
});

Deno.test("several elements that select, some that exclude, options templates, lengths that no type has", () => {
  const { templates, registry } = profile("own/p.yaml", {
    "own/p.yaml": `${HEAD}templates:
  - name: flows
    selectedBy: [sourceIPv4Address, vlanId]
    not: flowId
    fields: [sourceIPv4Address, vlanId, { element: samplerId, unusualLength: 4 }, { element: 0/8, enterpriseBit: true, length: 2 }]
  - name: options
    scope: 1
    fields: [observationDomainId, { element: 6871/100, length: 4 }]
`,
  });
  assert.deepEqual(
    templates.map(({ selectedBy, not = [], scopeFieldCount, fields }) => [
      selectedBy.map(({ name }) => name).join(),
      not.map(({ name }) => name).join(),
      scopeFieldCount,
      fields.map(({ element: { name, enterpriseBit }, length }) => `${name} ${enterpriseBit} ${length}`).join(),
    ]),
    [
      [
        "sourceIPv4Address,vlanId",
        "flowId",
        undefined,
        "sourceIPv4Address false 4,vlanId false 2,samplerId false 4,0/8 true 2",
      ],
      ["", "", 1, "observationDomainId false 4,6871/100 true 4"],
    ],
  );
  assert.equal(registry.lookup(6871, 100)?.length, 4, "what an options template lists is known as well");
  assert.equal(registry.lookup(0, 8)?.name, "sourceIPv4Address");
});

Deno.test("extends: what is removed goes first, then additions in order; a template's own after those of all", () => {
  const heir = (changes: string) =>
    fields("own/q.yaml", { "own/p.yaml": SMALL, "own/q.yaml": `name: q\nextends: ./p.yaml\n${changes}` });
  const [one, two] = fields("own/p.yaml", { "own/p.yaml": SMALL });
  assert.deepEqual(heir(""), [one, two]);
  assert.deepEqual(heir("remove: [flowEndReason]"), [
    "one octetDeltaCount octetDeltaCount:8 protocolIdentifier:1",
    "two packetDeltaCount packetDeltaCount:8",
  ]);
  assert.deepEqual(
    heir(`add:
  - { before: flowEndReason, fields: [tcpControlBits, ipClassOfService] }
  - { after: tcpControlBits, fields: [flowId] }
`),
    [
      "one octetDeltaCount octetDeltaCount:8 protocolIdentifier:1 tcpControlBits:2 flowId:8 ipClassOfService:1 flowEndReason:1",
      "two packetDeltaCount packetDeltaCount:8 tcpControlBits:2 flowId:8 ipClassOfService:1 flowEndReason:1",
    ],
  );
  assert.deepEqual(
    heir(`add: [{ after: flowEndReason, fields: [flowId] }]
templates:
  - { name: two, remove: [flowEndReason], add: [{ before: packetDeltaCount, fields: [vlanId] }] }
  - { name: three, selectedBy: flowId, fields: [flowId] }
`),
    [
      "one octetDeltaCount octetDeltaCount:8 protocolIdentifier:1 flowEndReason:1 flowId:8",
      "two packetDeltaCount vlanId:2 packetDeltaCount:8 flowId:8",
      "three flowId flowId:8",
    ],
  );
  assert.deepEqual(heir("templates: [{ name: one, selectedBy: flowId, fields: [flowId] }]"), [
    "one flowId flowId:8",
    two,
  ]);
});

Deno.test("a profile that extends another keeps its dialect, registry and renames unless it names its own", () => {
  const files = {
    "own/q.yaml": "name: q\nextends: antrea/v2.3\n",
    "own/r.yaml": "name: r\nextends: q.yaml\ndialect: { maxDatagram: 512 }\nregistry: go-ipfix/v0.16.0\nrenames: []\n",
  };
  const q = profile("own/q.yaml", files);
  assert.deepEqual(
    [q.name, q.dialect.name, q.registry.name, q.renames.length, q.templates],
    ["q", "go-ipfix", "go-ipfix/v0.14.0", 2, loadProfile("antrea/v2.3").templates],
  );
  const r = profile("own/r.yaml", files);
  assert.deepEqual(
    [r.name, r.dialect.maxDatagram, r.dialect.setsPerMessage, r.registry.name, r.renames],
    ["r", 512, 1, "go-ipfix/v0.16.0", []],
  );
});

Deno.test("a registry file is looked for beside the profile that names it, also for profiles that extend that one", () => {
  const files = {
    "own/p.yaml":
      "name: p\ndialect: rfc7011\nregistry: mine.csv\ntemplates: [{ name: a, selectedBy: mine, fields: [mine] }]\n",
    "own/mine.csv": "pen,id,name,type,length\n64512,1,mine,unsigned16,2\n",
    "heir.yaml": "name: h\nextends: own/p.yaml\n",
  };
  for (const path of ["own/p.yaml", "heir.yaml"]) assert.deepEqual(fields(path, files), ["a mine mine:2"]);
  assert.deepEqual(wrong({ ...files, "own/mine.csv": "pen,id,name,type,length\n64512,99999,mine,unsigned16,2\n" }), [
    'own/mine.csv:2:7: id "99999" is wrong (allowed: an integer between 0 and 32767)',
  ]);
  assert.deepEqual(wrong({ "own/p.yaml": files["own/p.yaml"] }), [
    "own/p.yaml:3:11: registry: cannot read own/mine.csv: there is no such file",
  ]);
});

Deno.test("a profile without a name is named after its file", () => {
  const text = "{dialect: rfc7011, registry: go-ipfix/v0.16.0, " +
    "templates: [{name: one, selectedBy: sourceIPv4Address, fields: [sourceIPv4Address]}]}";
  const files = { "own/one.two.yaml": text, "own/heir.yml": "extends: ./one.two.yaml\n" };
  assert.equal(profile("own/one.two.yaml", files).name, "one.two");
  assert.equal(profile("own/heir.yml", files).name, "heir");
  assert.deepEqual(wrong({ "own/p.yaml": 'name: ""\ndialect: rfc7011\nregistry: iana\n' }), [
    'own/p.yaml:1:7: name: "" is not allowed (the profile\'s name)',
  ]);
});

const WRONG: readonly (readonly [what: string, files: Files, lines: readonly string[]])[] = [
  ["nothing but a name", { "own/p.yaml": "name: p\n" }, [
    "own/p.yaml:1:1: registry: missing (go-ipfix/vX.Y.Z, iana, or a CSV file)",
    "own/p.yaml:1:1: dialect: missing (rfc7011, go-ipfix, go-ipfix-legacy, go-ipfix-stream-read, or a map of limits)",
  ]],
  ["wrong words", {
    "own/p.yaml": "nam: p\ndialect: go\nregistry: go-ipfix/0.16\ntemplates: [{ name: a, field: [] }]\n",
  }, [
    'own/p.yaml:1:1: nam: unknown key, did you mean "name"? (name, extends, dialect, registry, acceptsUnknownElements, servesGrpc, templates, renames, remove, add)',
    'own/p.yaml:2:10: dialect: "go" is not allowed (rfc7011, go-ipfix, go-ipfix-legacy, go-ipfix-stream-read, or a map of limits)',
    'own/p.yaml:4:24: templates[0].field: unknown key, did you mean "fields"? (name, selectedBy, not, scope, fields, remove, add)',
  ]],
  ["a registry that is none", { "own/p.yaml": "name: p\ndialect: rfc7011\nregistry: go-ipfix/0.16\n" }, [
    'own/p.yaml:3:11: registry: "go-ipfix/0.16" is not a registry (go-ipfix/vX.Y.Z from v0.2.0, iana, or a path ending in .csv)',
  ]],
  ["templates that are not whole", {
    "own/p.yaml":
      `${HEAD}add: []\ntemplates:\n  - { name: a }\n  - { name: a, selectedBy: flowId, fields: [flowId] }\n`,
  }, [
    "own/p.yaml:4:1: add: only with extends (templates)",
    "own/p.yaml:6:5: templates[0].selectedBy: missing (an element's name)",
    "own/p.yaml:6:5: templates[0].fields: missing (a list of elements)",
    'own/p.yaml:7:13: templates[1].name: "a" appears twice (each template once)',
  ]],
  ["a length of nothing", {
    "own/p.yaml":
      `${HEAD}templates: [{ name: a, selectedBy: flowId, fields: [{ element: flowId, length: 0 }, 5, { element: flowId }] }]\n`,
  }, [
    "own/p.yaml:4:80: templates[0].fields[0].length: 0 is not allowed (a whole number, 1 to 65535)",
    "own/p.yaml:4:85: templates[0].fields[1]: 5 is not allowed (an element's name, or pen/id, or a map: element, length, unusualLength, enterpriseBit)",
    "own/p.yaml:4:88: templates[0].fields[2].length: missing (a whole number, 1 to 65535)",
  ]],
  ["elements that the registry lacks", {
    "own/p.yaml": `${HEAD.replace("rfc7011", "go-ipfix").replace("iana", "go-ipfix/v0.8.2")}templates:
  - name: a
    selectedBy: sourceIPv4Adress
    fields:
      - egressNodeName
      - 0/40000
      - { element: octetDeltaCount, length: 4 }
      - { element: protocolIdentifier, length: 2 }
renames: [{ from: egressNodeName, to: nothing }]
`,
  }, [
    'own/p.yaml:6:17: templates[0].selectedBy: go-ipfix/v0.8.2 does not know "sourceIPv4Adress", did you mean "sourceIPv4Address"? (an element of the registry, or pen/id)',
    'own/p.yaml:8:9: templates[0].fields[0]: go-ipfix/v0.8.2 does not know "egressNodeName", though other releases do, did you mean "egressName"? (an element of the registry, or pen/id)',
    'own/p.yaml:9:9: templates[0].fields[1]: go-ipfix/v0.8.2 does not know "0/40000" (an element of the registry, or pen/id)',
    "own/p.yaml:10:9: templates[0].fields[2]: length 4 of octetDeltaCount would be misread: the dialect go-ipfix decodes by the registry's length (8)",
    "own/p.yaml:11:9: templates[0].fields[3]: length 2 does not fit protocolIdentifier (unsigned8: 1)",
    'own/p.yaml:12:39: renames[0].to: go-ipfix/v0.8.2 does not know "nothing" (an element of the registry, or pen/id)',
  ]],
  ["two lists between which nothing decides", {
    "own/p.yaml": `${HEAD}templates:
  - { name: a, selectedBy: flowId, fields: [flowId, vlanId] }
  - { name: b, selectedBy: [flowId, vlanId], fields: [vlanId, { element: flowId, length: 4 }] }
  - { name: c, selectedBy: flowId, not: vlanId, fields: [flowId, vlanId] }
  - { name: d, selectedBy: [], fields: [flowId, vlanId] }
  - { name: e, selectedBy: flowId, fields: [flowId] }
`,
  }, [
    'own/p.yaml:6:13: templates[1].name: selects the same templates as "a", and keeps as many of their fields ' +
    "(other elements in selectedBy or not; or selectedBy: [], and only its own template follows it)",
  ]],
  ["lengths and scopes that contradict each other", {
    "own/p.yaml": `${HEAD}templates:
  - { name: a, scope: 2, not: flowId, fields: [flowId] }
`,
  }, [
    "own/p.yaml:5:23: templates[0].scope: 2 is not allowed (a whole number, 1 to the 1 fields)",
    "own/p.yaml:5:26: templates[0].not: not with scope (an options template follows the list that it equals, and no other)",
  ]],
  ["both kinds of length", {
    "own/p.yaml": `${HEAD}templates:
  - { name: a, selectedBy: flowId, fields: [{ element: flowId, length: 4, unusualLength: 9 }] }
`,
  }, [
    "own/p.yaml:5:90: templates[0].fields[0].unusualLength: 9 is not allowed beside length (one of the two)",
  ]],
  ["an unusual length for a decoder that does not look at it", {
    "own/p.yaml": `${HEAD.replace("rfc7011", "go-ipfix").replace("iana", "go-ipfix/v0.16.0")}templates:
  - { name: a, selectedBy: flowId, fields: [{ element: flowId, unusualLength: 9 }] }
`,
  }, [
    "own/p.yaml:5:45: templates[0].fields[0]: unusualLength: the dialect go-ipfix decodes by the registry's length",
  ]],
  ["changes to what is not there", {
    "own/p.yaml": `name: p
extends: antrea/v1.15
remove: [httpVals, httpVal]
add:
  - { after: httpVals, fields: [egressNodeName] }
  - { fields: [egressNodeName] }
  - { after: egressIP, before: egressIP, fields: [egressNodeName] }
templates: [{ name: IPv4, remove: [sourceIPv6Address] }]
`,
  }, [
    'own/p.yaml:3:20: remove[1]: "httpVal" is not in template IPv4 (a field of it)',
    'own/p.yaml:3:20: remove[1]: "httpVal" is not in template IPv6 (a field of it)',
    'own/p.yaml:5:14: add[0].after: "httpVals" is not in template IPv4 (a field of it)',
    'own/p.yaml:5:14: add[0].after: "httpVals" is not in template IPv6 (a field of it)',
    "own/p.yaml:6:5: add[1]: the position is not clear (one of after, before)",
    "own/p.yaml:7:5: add[2]: the position is not clear (one of after, before)",
    'own/p.yaml:8:36: templates[0].remove[0]: "sourceIPv6Address" is not in template IPv4, did you mean "sourceIPv4Address"? (a field of it)',
  ]],
  ["a circle", { "own/p.yaml": "name: p\nextends: q.yaml\n", "own/q.yaml": "name: q\nextends: ./p.yaml\n" }, [
    "own/q.yaml:2:10: extends: own/p.yaml extends own/q.yaml extends own/p.yaml (a profile that does not extend itself)",
  ]],
  ["a parent that is not there", { "own/p.yaml": "name: p\nextends: ../q.yaml\n" }, [
    "own/p.yaml:2:10: extends: cannot read q.yaml: there is no such file",
  ]],
  ["no file", {}, ["own/p.yaml: cannot read own/p.yaml: there is no such file"]],
];

for (const [what, files, lines] of WRONG) {
  Deno.test(`a profile file with ${what} is refused with the place of each mistake`, () => {
    assert.deepEqual(wrong(files), lines);
  });
}

Deno.test("a configuration takes a profile by its path, with all files that it came from", async () => {
  const yaml = RIGHT.replace("antrea/v1.15", "profiles/own.yaml");
  const files = {
    "profiles/own.yaml": "name: own\nextends: base.yaml\n",
    "profiles/base.yaml": SMALL.replace("iana", "r.csv"),
    "profiles/r.csv": "pen,id,name,type,length\n0,1,octetDeltaCount,unsigned64,8\n0,2,packetDeltaCount,unsigned64,8\n" +
      "0,4,protocolIdentifier,unsigned8,1\n0,136,flowEndReason,unsigned8,1\n",
  };
  const configuration = await load(yaml, files);
  assert.equal(configuration.treatment.profile.name, "own");
  assert.deepEqual(configuration.files, ["proxy.yaml", "profiles/own.yaml", "profiles/base.yaml", "profiles/r.csv"]);
  assert.deepEqual(await mistakes(yaml, { ...files, "profiles/own.yaml": "name: own\nextend: base.yaml\n" }), [
    'profiles/own.yaml:2:1: extend: unknown key, did you mean "extends"? (name, extends, dialect, registry, acceptsUnknownElements, servesGrpc, templates, renames, remove, add)',
  ]);
  assert.deepEqual(await mistakes(yaml), [
    "proxy.yaml:2:48: collector.profile: cannot read profiles/own.yaml: there is no such file",
  ]);
});
