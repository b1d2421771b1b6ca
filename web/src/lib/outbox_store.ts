/** The outbox in IndexedDB: whole forms with their photos, until the server has them. */
import type { OutboxEntry } from "./outbox_order.js";

export interface StoredPost extends OutboxEntry {
  url: string;
  /** What the person sees in the list. */
  label: string;
  fields: [name: string, value: string | File][];
  /** Why the server refused it. */
  reason: string;
}

const DATABASE = "huying-outbox";
const STORE = "posts";

function request<T>(wanted: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    wanted.onsuccess = () => resolve(wanted.result);
    wanted.onerror = () => reject(wanted.error);
  });
}

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= (() => {
    const open = indexedDB.open(DATABASE, 1);
    open.onupgradeneeded = () => open.result.createObjectStore(STORE, { keyPath: "key" });
    return request(open);
  })();
  return opened;
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await database()).transaction(STORE, mode).objectStore(STORE);
}

export async function entries(): Promise<StoredPost[]> {
  return request((await store("readonly")).getAll() as IDBRequest<StoredPost[]>);
}

export async function put(post: StoredPost): Promise<void> {
  await request((await store("readwrite")).put(post));
}

export async function drop(key: string): Promise<void> {
  await request((await store("readwrite")).delete(key));
}
