/** Listings, newest first, by whatever is asked. */
import { JOB_COLUMNS } from "../rows.ts";
import type { JobFilter } from "../store.ts";

type Value = string | number | readonly string[];

export function jobsQuery({ states, runId, name, belowSeq, limit }: JobFilter): {
  text: string;
  values: Value[];
} {
  const values: Value[] = [];
  const given = (value: Value): string => `$${values.push(value)}`;
  const where: string[] = [];
  if (runId !== undefined) where.push(`run_id = ${given(runId)}`);
  if (name !== undefined) where.push(`name = ${given(name)}`);
  if (belowSeq !== undefined) where.push(`seq < ${given(belowSeq)}`);
  const most = given(limit);
  const select = (conditions: string[]): string => {
    const clause = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    return `SELECT ${JOB_COLUMNS} FROM jobs ${clause} ORDER BY seq DESC LIMIT ${most}`;
  };
  if (states === undefined) return { text: select(where), values };
  if (states.length === 0 || runId !== undefined || name !== undefined) {
    return { text: select([...where, `state = ANY (${given(states)}::text[])`]), values };
  }
  // An index walk for each state: one walk over several would have to sort all jobs in these states.
  const walks = states.map((state) => `(${select([...where, `state = ${given(state)}`])})`);
  return {
    text: `SELECT * FROM (${walks.join(" UNION ALL ")}) AS found ORDER BY seq DESC LIMIT ${most}`,
    values,
  };
}
