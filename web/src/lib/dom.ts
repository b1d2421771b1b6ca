/** Reading and enhancing the page. */

export function all<T extends HTMLElement = HTMLElement>(selector: string, root: ParentNode = document): T[] {
  return [...root.querySelectorAll<T>(selector)];
}

export function one<T extends HTMLElement = HTMLElement>(
  selector: string,
  root: ParentNode = document,
): T | null {
  return root.querySelector<T>(selector);
}

/** Content of a meta tag, empty if absent. */
export function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

/** Makes an element with text and attributes; no markup is ever parsed. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Runs `start` once for each matching element: now, and whenever htmx brings new ones. */
export function enhance<T extends HTMLElement>(selector: string, start: (element: T) => void): void {
  const done = new WeakSet<T>();
  const run = (root: ParentNode) => {
    const found = all<T>(selector, root);
    if (root instanceof HTMLElement && root.matches(selector)) found.unshift(root as unknown as T);
    for (const element of found) {
      if (done.has(element)) continue;
      done.add(element);
      start(element);
    }
  };
  run(document);
  document.addEventListener("htmx:load", (event) => {
    const target = event.target;
    if (target instanceof HTMLElement) run(target);
  });
}

/** Words of a button as they are seen, without the key shown in it. */
export function labelOf(element: HTMLElement): string {
  const copy = element.cloneNode(true) as HTMLElement;
  for (const aside of all("kbd, .hy-hidden", copy)) aside.remove();
  return copy.textContent?.trim() ?? "";
}

/** Whether keys typed now belong to a field. */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable || target.matches("input, textarea, select") || !!target.closest("dialog[open]")
  );
}
