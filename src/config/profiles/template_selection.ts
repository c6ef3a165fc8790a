import type { InformationElement } from "../../ipfix/information_element.ts";

/** How one list of elements is told apart from others. */
export interface Selection {
  /** The index of the list. */
  readonly index: number;
  readonly selectedBy: InformationElement;
  /** The list that a template with exactly these elements follows instead, because no single element tells the two apart. */
  readonly shadowedBy: number | undefined;
}

const SOURCE_IPV4_ADDRESS = "0/8";
const SOURCE_IPV6_ADDRESS = "0/27";

/** Whether the element is a source address, by which the shipped profiles select their templates. */
export function isSourceAddress({ pen, id }: InformationElement): boolean {
  return [SOURCE_IPV4_ADDRESS, SOURCE_IPV6_ADDRESS].includes(`${pen}/${id}`);
}

/**
 * Chooses for each list the element that selects it, and the order in which lists are tried: a source template follows the first
 * list whose element it has. Lists keep their order, except that one whose elements are all in a later list goes after that.
 *
 * The element is the source address where that suffices, else the first that no other list has, else the first that no later list
 * has. Lists that no single element tells apart are included, with {@link Selection.shadowedBy}.
 *
 * @param lists non-empty lists
 */
export function selectLists(lists: readonly (readonly InformationElement[])[]): Selection[] {
  const sets = lists.map((list) => new Map(list.map((element) => [keyOf(element), element])));
  /** The number of lists that have an element: of all lists, and of those without a place so far. */
  const all = new Map<string, number>();
  for (const set of sets) for (const key of set.keys()) all.set(key, (all.get(key) ?? 0) + 1);
  const left = new Map(all);
  const waiting = new Set(sets.keys());
  const chosen: { readonly index: number; readonly key: string }[] = [];
  while (waiting.size > 0) {
    const next = firstToldApart(sets, waiting, left, all) ?? firstWaiting(sets, waiting, left);
    chosen.push(next);
    waiting.delete(next.index);
    for (const key of sets[next.index]?.keys() ?? []) left.set(key, (left.get(key) ?? 0) - 1);
  }
  return chosen.flatMap(({ index, key }) => {
    const selectedBy = sets[index]?.get(key);
    if (selectedBy === undefined) return [];
    const followed = chosen.find((other) => sets[index]?.has(other.key))?.index;
    return [{ index, selectedBy, shadowedBy: followed === index ? undefined : followed }];
  });
}

type ElementSets = readonly ReadonlyMap<string, InformationElement>[];
type Counts = ReadonlyMap<string, number>;

/** The first waiting list with an element that no other waiting list has. */
function firstToldApart(sets: ElementSets, waiting: ReadonlySet<number>, left: Counts, all: Counts) {
  for (const index of waiting) {
    const own = [...sets[index] ?? []].filter(([key]) => left.get(key) === 1);
    const best = own.find(([, element]) => isSourceAddress(element)) ?? own.find(([key]) => all.get(key) === 1) ??
      own[0];
    if (best !== undefined) return { index, key: best[0] };
  }
  return undefined;
}

/** The first waiting list, with the element that the fewest others have. */
function firstWaiting(sets: ElementSets, waiting: ReadonlySet<number>, left: Counts) {
  const [index = 0] = waiting;
  const keys = [...sets[index]?.keys() ?? []];
  const fewest = Math.min(...keys.map((key) => left.get(key) ?? 0));
  return { index, key: keys.find((key) => left.get(key) === fewest) ?? "" };
}

function keyOf({ pen, id }: InformationElement): string {
  return `${pen}/${id}`;
}
