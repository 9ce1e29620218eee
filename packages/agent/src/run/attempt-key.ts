/** How the node names an attempt: its folder, its order to the launcher, its line in the journal. */
export function attemptKey(ref: { readonly jobId: string; readonly number: number }): string {
  return `${ref.jobId}.${ref.number}`;
}
