/** Native dialogs opened by attributes, confirmation before an act, menus that close themselves. */
import { all, labelOf, make, one } from "./dom.js";
import { say } from "./words.js";

export function openDialog(dialog: HTMLDialogElement): void {
  if (!dialog.open) dialog.showModal();
}

/** Builds a dialog that removes itself when it closes. */
export function temporaryDialog(title: string, ...content: (Node | string)[]): HTMLDialogElement {
  const dialog = make(
    "dialog",
    { class: "hy-dialog", "aria-label": title },
    make("h2", {}, title),
    ...content,
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}

/** Asks before an act; resolves to the answer. */
export function confirmed(question: string, yes: string): Promise<boolean> {
  const no = make("button", { class: "hy-btn", type: "button" }, say("取消"));
  const ok = make("button", { class: "hy-btn hy-btn-primary", type: "button" }, yes);
  const dialog = temporaryDialog(question, make("div", { class: "hy-dialog-actions" }, no, ok));
  return new Promise((resolve) => {
    let answer = false;
    no.addEventListener("click", () => dialog.close());
    ok.addEventListener("click", () => {
      answer = true;
      dialog.close();
    });
    dialog.addEventListener("close", () => resolve(answer));
    openDialog(dialog);
  });
}

export function startDialogs(): void {
  document.addEventListener("click", (event) => {
    const target = event.target;
    if (!(target instanceof Element)) return;
    const opener = target.closest<HTMLElement>("[data-dialog-open]");
    if (opener) {
      const dialog = one<HTMLDialogElement>(opener.dataset.dialogOpen ?? "");
      if (dialog) {
        event.preventDefault();
        openDialog(dialog);
      }
    }
    if (target.closest("[data-dialog-close]")) target.closest("dialog")?.close();
    if (target instanceof HTMLDialogElement && target.open) closeIfOutside(target, event);
    for (const menu of all<HTMLDetailsElement>("[data-menu][open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of all<HTMLDetailsElement>("[data-menu][open]")) {
      menu.open = false;
      one("summary", menu)?.focus();
    }
  });
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement)) return;
      const button = event instanceof SubmitEvent ? event.submitter : null;
      const question = button?.dataset.confirm ?? form.dataset.confirm;
      if (!question || form.dataset.confirmed) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      void confirmed(question, (button && labelOf(button)) || say("确定")).then((yes) => {
        if (!yes) return;
        form.dataset.confirmed = "yes";
        form.requestSubmit(button);
        delete form.dataset.confirmed;
      });
    },
    true,
  );
}

function closeIfOutside(dialog: HTMLDialogElement, event: MouseEvent): void {
  const box = dialog.getBoundingClientRect();
  const inside =
    event.clientX >= box.left &&
    event.clientX <= box.right &&
    event.clientY >= box.top &&
    event.clientY <= box.bottom;
  if (!inside) dialog.close();
}
