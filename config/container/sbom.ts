/** Writes a CycloneDX 1.6 bill of materials of the bundled program to standard output: `deno task sbom`. */
import { Contrib, Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import project from "../../deno.json" with { type: "json" };
import { type BundledPackage, bundledPackages } from "./bundled_packages.ts";
import { exitStatusOf } from "../../src/commands/command_line/report_failure.ts";
import { writeOctets } from "../../src/terminal/terminal.ts";

const ROOT = new URL("../../", import.meta.url);

/** The bill of materials as JSON: the program, what it contains and needs, licences and digests. The same sources give the same text. */
export async function billOfMaterials(): Promise<string> {
  const packages = await bundledPackages(ROOT, "src/main.ts");
  const program = new Models.Component(Enums.ComponentType.Application, "ipfix-skew-proxy", {
    bomRef: `ipfix-skew-proxy@${project.version}`,
    version: project.version,
    licenses: new Models.LicenseRepository([new Models.SpdxLicense(project.license)]),
  });
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: program }) });
  const components = new Map<string, Models.Component>();
  for (const [key, each] of packages) components.set(key, await componentOf(each));
  for (const [key, component] of components) {
    bom.components.add(component);
    program.dependencies.add(component.bomRef);
    for (const needed of packages.get(key)?.dependencies ?? []) {
      const other = components.get(needed);
      if (other !== undefined) component.dependencies.add(other.bomRef);
    }
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

async function componentOf({ name, version, folder, sha512 }: BundledPackage): Promise<Models.Component> {
  const manifest: unknown = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  const builder = new Contrib.FromNodePackageJson.Builders.ComponentBuilder(
    new Contrib.FromNodePackageJson.Factories.ExternalReferenceFactory(),
    new Contrib.License.Factories.LicenseFactory((text) => / (?:OR|AND|WITH) /.test(text)),
  );
  const component = builder.makeComponent(Object(manifest));
  if (component === undefined) throw new Error(`${name}@${version}: its package.json says too little`);
  component.bomRef.value = `${name}@${version}`;
  component.purl = `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
  component.hashes.set(Enums.HashAlgorithm["SHA-512"], Uint8Array.fromBase64(sha512).toHex());
  return component;
}

if (import.meta.main) {
  Deno.exit(await exitStatusOf(async () => await writeOctets(new TextEncoder().encode(await billOfMaterials()))));
}
