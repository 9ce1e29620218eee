import { closestMatch } from "leven";

/** ` Did you mean cpus?`, or nothing where no candidate is near. Distance grows with the word: a short one is soon another. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  // Longer than any field has: somebody else's data, and slow to compare.
  if (word.length > 64) return "";
  const maxDistance = Math.max(2, Math.ceil(word.length / 2) - 1);
  const folded = word.toLowerCase().replaceAll("-", "_");
  const near =
    candidates.find((candidate) => candidate.toLowerCase() === folded) ??
    candidates.find((candidate) => folded.length >= 3 && candidate.startsWith(`${folded}_`)) ??
    closestMatch(folded, candidates, { maxDistance });
  return near === undefined ? "" : ` Did you mean ${near}?`;
}
