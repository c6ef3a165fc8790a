import assert from "node:assert/strict";
import { MessageBuilder } from "../../../test/support/messages/message_builder.ts";
import { GO_IPFIX_LEGACY } from "../mapping/profile/dialect.ts";
import { Mediator, type MediatorOptions } from "./mediator.ts";
import type { SessionRewriter } from "./session_rewriter.ts";
import { profileOf, registryHistory, RFC7011, template } from "../../../test/support/mediation.ts";

function mediatorOf(dialect = RFC7011, options: Partial<MediatorOptions> = {}): Mediator {
  const treatment = { profile: profileOf(dialect), plugins: [] };
  return new Mediator({ chooseTreatment: () => treatment, registryHistory, ...options });
}

/** Gives the session a template of so many fields; the ids under which it goes out by then. */
function announce(session: SessionRewriter, id: number, fields = 1, observationDomainId = 1): (number | undefined)[] {
  const names = Array(fields).fill("protocolIdentifier");
  const message = new MessageBuilder({ observationDomainId }).templateSet([template(id, names)]).build();
  session.rewrite(message, new Uint8Array(65535));
  return session.templates().map(({ targetTemplate }) => targetTemplate);
}

Deno.test("sessions to one collector share its ids, those to another have their own", () => {
  const [one, other] = [mediatorOf(GO_IPFIX_LEGACY), mediatorOf(GO_IPFIX_LEGACY)];
  const open = (mediator: Mediator) => mediator.open({ reliable: true });
  assert.deepEqual(announce(open(one), 256, 1), [256]);
  assert.deepEqual(announce(open(one), 256, 2), [65535]);
  assert.deepEqual(announce(open(other), 256, 2), [256]);
});

Deno.test("without configured limits there are defaults, of templates and of domains", () => {
  const session = mediatorOf().open({ reliable: true });
  for (let domain = 0; domain < 300; domain++) announce(session, 256, 1, domain);
  assert.equal(session.templates().length, 256);
  const another = mediatorOf().open({ reliable: true });
  for (let id = 256; id < 556; id++) announce(another, id);
  assert.equal(another.templates().length, 256);
});

Deno.test("one configured limit leaves the others at their defaults", () => {
  const session = mediatorOf(RFC7011, { limits: { templatesPerSession: 2 } }).open({ reliable: true });
  for (let id = 256; id < 260; id++) announce(session, id);
  assert.equal(session.templates().length, 2);
  const domains = mediatorOf(RFC7011, { limits: { templatesPerSession: 1000 } }).open({ reliable: true });
  for (let domain = 0; domain < 300; domain++) announce(domains, 256, 1, domain);
  assert.equal(domains.templates().length, 256);
});

Deno.test("changed limits remove nothing that exists, and apply to what comes", () => {
  const mediator = mediatorOf();
  const session = mediator.open({ reliable: true });
  announce(session, 256);
  announce(session, 257);
  mediator.reconfigure({ chooseTreatment: mediator.options.chooseTreatment, limits: { templatesPerSession: 1 } });
  assert.deepEqual(announce(session, 258), [256, 257]);
});

Deno.test("the release of every template is looked up, and shown with it", () => {
  const detectRelease = ({ id }: { id: number }) => id === 256 ? "antrea/v2.0" : undefined;
  const session = mediatorOf(RFC7011, { detectRelease }).open({ reliable: true });
  announce(session, 256);
  announce(session, 257);
  assert.deepEqual(session.templates().map(({ detectedProfile }) => detectedProfile), ["antrea/v2.0", undefined]);
});
