/** Finding one of many by a few typed letters. */

export interface Choice {
  value: string;
  label: string;
  /** Its group, shown smaller; searched like the label. */
  group: string;
}

/** From more than so many on, a list is searched by typing. */
export const MANY = 30;
export const MOST_SHOWN = 50;

const plain = (text: string) => text.normalize("NFKC").toLowerCase().trim();

/** What is meant by words left standing: the one called so, however many begin like it, or the only one found. */
export function meant(choices: Choice[], typed: string): Choice | undefined {
  const called = choices.filter((one) => plain(one.label) === plain(typed));
  const found = called.length > 0 ? called : narrowed(choices, typed);
  return found.length === 1 ? found[0] : undefined;
}

/** The choices that hold every word typed: those that begin with it first, otherwise in their order. */
export function narrowed(choices: Choice[], typed: string): Choice[] {
  const wanted = plain(typed);
  if (!wanted) return choices;
  const words = wanted.split(/\s+/);
  const found = choices.filter((one) => {
    const text = plain(`${one.label} ${one.group}`);
    return words.every((word) => text.includes(word));
  });
  const begins = (one: Choice) => plain(one.label).startsWith(wanted);
  return [...found.filter(begins), ...found.filter((one) => !begins(one))];
}
