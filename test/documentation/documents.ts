/** Markdown documents of this repository. */

const ROOT = new URL("../../", import.meta.url);

/** A document: its path from the top of the repository, and its text. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

/** Every Markdown file, but for those of hidden folders other than `.github`, and of caches. */
export async function readDocuments(folder = ""): Promise<Document[]> {
  const documents: Document[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (isDirectory) {
      if ((!name.startsWith(".") || name === ".github") && name !== "node_modules") {
        documents.push(...await readDocuments(`${path}/`));
      }
    } else if (name.endsWith(".md")) documents.push({ path, text: await Deno.readTextFile(new URL(path, ROOT)) });
  }
  return documents;
}

/** Links and images of a document that lead to files, with what does not exist. */
export async function brokenLinks({ path, text }: Document): Promise<string[]> {
  const broken: string[] = [];
  for (const [, link = ""] of withoutCode(text).matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(link) || link.startsWith("#")) continue;
    if (!await exists(new URL(link.replace(/#.*$/, ""), new URL(path, ROOT)))) broken.push(`${path}: ${link}`);
  }
  return broken;
}

/** Paths of modules that a document names in code, as they stand there: `proxy/session/session.ts`. */
export function namedFiles(text: string): string[] {
  return [...text.matchAll(/`([a-z0-9_./-]+\.(?:tsx?|md|yaml|json))`/g)].map(([, name = ""]) => name);
}

/** Whether the path exists, counted from the first folder under which it does. */
export async function existsBelow(folders: readonly string[], path: string): Promise<boolean> {
  for (const folder of folders) {
    if (await exists(new URL(`${folder}${path}`, ROOT))) return true;
  }
  return false;
}

/** The text without its fenced blocks, in which brackets are no links. */
function withoutCode(text: string): string {
  return text.replaceAll(/^ *```[^]*?^ *```$/gm, "");
}

async function exists(url: URL): Promise<boolean> {
  try {
    await Deno.stat(url);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
