/**
 * What the outbox may send next, as pure rules: first in, first out within one subject (arrive before report),
 * subjects independent of one another, failures tried again after a growing pause, refusals kept for the person.
 */

export type OutboxState = "WAITING" | "REFUSED";

export interface OutboxEntry {
  /** Idempotency key: sent with every attempt, so that a repeat changes nothing. */
  key: string;
  /** Order of writing on this phone. */
  order: number;
  /** What it is about, e.g. `case:12`; entries of one subject keep their order. */
  subject: string;
  state: OutboxState;
  attempts: number;
  /** Not before this moment, milliseconds since 1970. */
  notBefore: number;
}

const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;
/** Forms kept on one phone: more than a day's work without a signal. */
export const MOST_KEPT = 200;

/** Whether one more form may be kept. */
export function hasRoom(entries: readonly OutboxEntry[]): boolean {
  return entries.length < MOST_KEPT;
}

/** The entries that may be sent now, oldest first: the head of each subject, if it waits and its pause is over. */
export function sendable<T extends OutboxEntry>(entries: readonly T[], now: number): T[] {
  const heads = new Map<string, T>();
  for (const entry of [...entries].sort((a, b) => a.order - b.order)) {
    if (!heads.has(entry.subject)) heads.set(entry.subject, entry);
  }
  return [...heads.values()].filter((entry) => entry.state === "WAITING" && entry.notBefore <= now);
}

/** The entry after a failed attempt: no signal, or the server is out of order. */
export function failed<T extends OutboxEntry>(entry: T, now: number): T {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** entry.attempts, LONGEST_PAUSE_MS);
  return { ...entry, attempts: entry.attempts + 1, notBefore: now + pause };
}

/** The entry after the person asked to try again. */
export function retried<T extends OutboxEntry>(entry: T): T {
  return { ...entry, state: "WAITING", attempts: 0, notBefore: 0 };
}

/** What an answer means for an entry. */
export function outcome(status: number): "SENT" | "SIGN_IN" | "LATER" | "REFUSED" {
  if (status >= 200 && status < 400) return "SENT";
  if (status === 401 || status === 403) return "SIGN_IN";
  if (status === 408 || status === 425 || status === 429 || status >= 500) return "LATER";
  return "REFUSED";
}

export type BarState = "ONLINE" | "OFFLINE" | "PENDING" | "REFUSED";

/** What the quiet bar says and of how many; a refusal first, because only the person can mend it. */
export function barState(
  entries: readonly OutboxEntry[],
  online: boolean,
): { state: BarState; count: number } {
  const refused = entries.filter((entry) => entry.state === "REFUSED").length;
  if (refused > 0) return { state: "REFUSED", count: refused };
  if (entries.length > 0) return { state: "PENDING", count: entries.length };
  return { state: online ? "ONLINE" : "OFFLINE", count: 0 };
}
