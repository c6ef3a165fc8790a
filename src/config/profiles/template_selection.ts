import { elementKey, type InformationElement } from "../../ipfix/registry/information_element.ts";

/** How one list of elements is told apart from others. */
export interface Selection {
  /** Empty if a list before has the same elements, or the list has none that a profile can name. */
  readonly selectedBy: readonly InformationElement[];
  readonly not: readonly InformationElement[];
  /** The list before that has the same elements, in another order or in other lengths. */
  readonly sameAs: number | undefined;
}

/** IANA's sourceIPv4Address and sourceIPv6Address. */
const SOURCE_ADDRESSES = ["8", "27"];

/** Whether the element is a source address, by which the shipped profiles select their templates. */
export function isSourceAddress(element: InformationElement): boolean {
  return SOURCE_ADDRESSES.includes(elementKey(element));
}

type Elements = ReadonlyMap<string, InformationElement>;

/**
 * Chooses for each list the elements that select it, so that a template with a list's elements selects no other list
 * of other elements.
 *
 * The first is a source address where there is one, else the element that the fewest lists have. Others are added
 * until no list without one of its elements is left; `not` excludes those that have all of its elements and more.
 *
 * @param lists non-empty lists
 */
export function selectLists(lists: readonly (readonly InformationElement[])[]): Selection[] {
  const sets = lists.map((list): Elements =>
    new Map(list.filter(isNameable).map((element) => [elementKey(element), element]))
  );
  const firsts = new Map<string, number>();
  const sameAs = lists.map((list, index) => {
    const key = list.map(elementKey).sort().join();
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, index);
    return first;
  });
  const counts = new Map<string, number>();
  for (const set of sets) for (const key of set.keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
  const chosen = sets.map((set, index) => {
    const rivals = sets.filter((other, place) => sameAs[place] === undefined && !sameElements(other, set));
    return sameAs[index] === undefined && set.size > 0 ? keysOf(set, rivals, counts) : { keys: [], left: [] };
  });
  const keysOfSet = new Map(sets.map((set, index) => [set, chosen[index]?.keys ?? []]));
  return sets.map((set, index) => {
    const { keys, left } = chosen[index] ?? { keys: [], left: [] };
    const excluded = new Map<string, InformationElement>();
    for (const rival of left) {
      const own = keysOfSet.get(rival)?.find((key) => !set.has(key));
      const element = own === undefined ? undefined : rival.get(own);
      if (own !== undefined && element !== undefined) excluded.set(own, element);
    }
    const selectedBy = keys.flatMap((key) => set.get(key) ?? []);
    return { selectedBy, not: [...excluded.values()], sameAs: sameAs[index] };
  });
}

/** A profile has no name and no number for an element of PEN 0 with the enterprise bit. */
function isNameable({ pen, enterpriseBit }: InformationElement): boolean {
  return pen !== 0 || !enterpriseBit;
}

function sameElements(one: Elements, other: Elements): boolean {
  return one.size === other.size && [...one.keys()].every((key) => other.has(key));
}

/** The elements that exclude all rivals which lack one of the list's; `left`: the rivals that have them all. */
function keysOf(
  set: Elements,
  rivals: readonly Elements[],
  counts: ReadonlyMap<string, number>,
): { readonly keys: readonly string[]; readonly left: readonly Elements[] } {
  const all = [...set.keys()];
  const fewest = all.reduce((best, key) => (counts.get(key) ?? 0) < (counts.get(best) ?? 0) ? key : best);
  const keys = [SOURCE_ADDRESSES.find((key) => set.has(key)) ?? fewest];
  let left = rivals.filter((rival) => keys.every((key) => rival.has(key)));
  for (;;) {
    let best: { readonly key: string; readonly left: readonly Elements[] } | undefined;
    for (const key of all) {
      const still = left.filter((rival) => rival.has(key));
      if (still.length < (best?.left ?? left).length) best = { key, left: still };
    }
    if (best === undefined) return { keys, left };
    keys.push(best.key);
    left = [...best.left];
  }
}
