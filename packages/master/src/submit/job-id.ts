import { randomFillSync } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 12;
/** Bytes from here on would make the first letters likelier than the others. */
const FAIR = 256 - (256 % ALPHABET.length);
/** Filled at once: one call into the kernel for every byte costs more than all the rest of an id. */
const pool = new Uint8Array(8_192);
let next = pool.length;

/** A new job or run id: 12 of [a-z0-9], 62 bits of chance. */
export function newId(): string {
  let id = "";
  while (id.length < LENGTH) {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    const byte = pool[next++]!;
    if (byte < FAIR) id += ALPHABET[byte % ALPHABET.length];
  }
  return id;
}

/** Whether the text could be a job id as a whole, so that nothing else is asked of the store. */
export function isJobId(text: string): boolean {
  return text.length === LENGTH && /^[a-z0-9]+$/.test(text);
}
