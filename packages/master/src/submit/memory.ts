import { badField } from "../api/validation.ts";

const POWER: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4 };
const MOST = 2 ** 50;

/** Bytes of an amount of memory: a number as it is, text such as `512M`, `1.5GiB` in powers of 1024. Throws `bad-field`. */
export function memoryBytes(amount: number | string, field: string): number {
  if (typeof amount === "number") return amount;
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)i?b?$/i.exec(amount);
  const bytes = match === null ? 0 : Math.round(Number(match[1]) * 1024 ** POWER[match[2]!.toLowerCase()]!);
  if (bytes < 1 || bytes > MOST) {
    throw badField(field, `${field} must be between 1 byte and 1024T; it is ${JSON.stringify(amount)}`);
  }
  return bytes;
}
